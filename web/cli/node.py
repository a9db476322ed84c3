"""`chargehand node`: the nodes that share a journal."""

import json
from typing import TYPE_CHECKING, Any, Final

import click

from chargehand.web.cli.failures import Failed
from chargehand.web.cli.meant import Group
from chargehand.web.cli.running import Callers, client_command
from chargehand.web.exits import ClientExit

if TYPE_CHECKING:
    from chargehand.web.cli.client import Client

_PATH: Final = "/api/nodes"
_NOT_KNOWN: Final = "\N{EN DASH}"
_COLUMNS: Final = {
    "name": "node",
    "role": "role",
    "address": "address",
    "lag_records": "lag",
    "seen_seconds_ago": "seen s ago",
}


def _ask(client: "Client", method: str, path: str) -> dict[str, Any]:
    try:
        found: Any = client.ask(method, path).body
    except Failed as failed:
        if failed.exit_with is not ClientExit.NOT_FOUND:
            raise
        raise Failed(
            ClientExit.NOT_FOUND, "this server is alone: it was started without --journal"
        ) from failed
    assert isinstance(found, dict), "it is an object"
    return found


def _list(client: "Client", as_json: bool, _: dict[str, Any]) -> None:
    found = _ask(client, "GET", _PATH)
    if as_json:
        print(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*_COLUMNS.values(), box=None, pad_edge=False)
    for node in found["nodes"]:
        values = (node[member] for member in _COLUMNS)
        table.add_row(*(_NOT_KNOWN if value is None else str(value) for value in values))
    Console().print(table)
    still_s = found.get("unconfirmed_seconds")
    if still_s is not None:
        click.echo(
            f"chargehand: no node could say that it is there for {still_s:g} s, as the database "
            "confirms no commit (is its standby gone?): who has gone since is not known",
            err=True,
        )


def _step_down(client: "Client", as_json: bool, _: dict[str, Any]) -> None:
    found = _ask(client, "POST", f"{_PATH}/step-down")
    print(json.dumps(found) if as_json else f"{found['node']} hands over to another node")


@click.group(cls=Group)
def node() -> None:
    """The nodes that share a journal."""


node.add_command(
    client_command(
        "list",
        _list,
        [],
        "Which nodes there are, which one is active, and how far the others are behind",
        "",
        "node list",
        callers=Callers.NOBODY,
    )
)
node.add_command(
    client_command(
        "step-down",
        _step_down,
        [],
        "Have another node become the active one",
        "What comes meanwhile waits for it. Where no other node is there it is refused.",
        "node step-down",
        callers=Callers.NOBODY,
    )
)
