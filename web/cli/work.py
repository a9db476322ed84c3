"""`chargehand work`: a pool of agents from the shell. Loads what it needs when it runs."""

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from chargehand.web import logs
from chargehand.web.cli import environment
from chargehand.web.cli.interrupts import wakeups_left_to_trio
from chargehand.web.cli.target import ServerAddress, target_of
from chargehand.web.exits import ClientExit
from chargehand.web.setting_values import LogLevel

if TYPE_CHECKING:
    from chargehand.web.agents.handlers import Handler
    from chargehand.web.agents.metrics import PoolMetrics

NAME: Final = "worker"


@click.command()
@click.option("--exec", "command", help="run this command for each claim")
@click.option("--python", "function", help="call MODULE:FUNCTION for each claim")
@click.option("--size", default=1, type=click.IntRange(1, 1000), help="runs at a time [1]")
@click.option("--agent", default=NAME, help=f"name of the agents [{NAME}]")
@click.option("--capability", "capabilities", multiple=True, help="what they can do; repeatable")
@click.option("--workspace", help="take the tasks of this workspace [global ones]")
@click.option("--channel", help="take runs of this channel alone")
@click.option(
    "--lease-seconds",
    default=60,
    type=click.IntRange(1, 86_400),
    help="silence after which a run is given to others [60]",
)
@click.option(
    "--drain-s",
    default=30.0,
    type=click.FloatRange(0),
    help="time that runs have to end after SIGTERM [30]",
)
@click.option("--until-empty", is_flag=True, help="end when there is nothing left to claim")
@click.option("--socket", type=click.Path(path_type=Path), help="the server's Unix socket")
@click.option("--url", help="the server's URL")
@click.option("--token", help="the server's token")
def work(
    command: str | None,
    function: str | None,
    socket: Path | None,
    url: str | None,
    token: str | None,
    *,
    drain_s: float,
    until_empty: bool,
    agent: str,
    **pool: Any,
) -> None:
    """Work on runs: a command, or a function of Python, is called for each that can be claimed.

    The command gets the claim as JSON on standard input, and its ids in CHARGEHAND_RUN_ID,
    CHARGEHAND_TASK_ID and others; {run_id} and {task_id} in it are replaced. No shell reads it. Its
    lease is renewed while it runs. Exit code 0 completes the run: with the last line of the output,
    if that is a JSON object, else with the last 32 KiB of the output; an object of more than 64 KiB
    fails it. 75 gives the run back, and it may be claimed again at once: a pause before is the
    command's to make. Any other code fails it with the last line of the output, or of standard
    error if there is no output.

    SIGTERM has it claim nothing more and wait for what runs; what is left after --drain-s, or when
    a second one comes, is sent SIGTERM, SIGKILL 10 s later, and given back. A server that is away
    is waited for. It exits with 0 although runs have failed: the last line counts them.

    \b
    Example:
      chargehand work --size 4 --exec 'python3 agent.py {run_id}'
    """
    target = target_of(socket, url, token)
    handler = _handler(command, function, target)
    logs.configure(LogLevel.INFO, access_log=False)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each request
    from chargehand.web.agents.errors import OpenError, Refused

    try:
        with wakeups_left_to_trio():
            metrics = _run(
                target, handler, until_empty, {**pool, "name": agent, "drain_seconds": drain_s}
            )
    except (OpenError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    except Refused as refused:
        click.echo(f"chargehand: {refused}", err=True)
        is_allowed = refused.status not in (401, 403)
        raise SystemExit(ClientExit.INVALID if is_allowed else ClientExit.NOT_ALLOWED) from None
    click.echo(
        f"chargehand: {metrics.completed} completed, {metrics.failed} failed,"
        f" {metrics.released} given back, {metrics.lost} lost",
        err=True,
    )


def _run(
    target: ServerAddress, handler: "Handler", until_empty: bool, options: Mapping[str, Any]
) -> "PoolMetrics":
    import trio

    from chargehand.web.agents.pool import AgentPool
    from chargehand.web.client.client import Client

    async def main() -> "PoolMetrics":
        url = None if target.socket is not None else target.url
        async with Client(url, socket=target.socket, token=target.token) as client:
            pool = AgentPool(client, handler, **options)
            return await pool.run(until_empty=until_empty, handle_signals=True)

    return trio.run(main)


def _handler(command: str | None, function: str | None, target: ServerAddress) -> "Handler":
    """Raises: click.UsageError: neither, both, or there is none."""
    if (command is None) == (function is None):
        raise click.UsageError("give one of --exec and --python: what is to work on a claim")
    if function is not None:
        return _function(function)
    assert command is not None
    from chargehand.web.agents.program import Program

    try:
        return Program(command, _server_variables(target))
    except ValueError as error:
        raise click.UsageError(f"--exec: {error}") from None


def _function(named: str) -> "Handler":
    module_name, _, name = named.partition(":")
    if not module_name or not name:
        raise click.UsageError(f"--python: {named!r} is not MODULE:FUNCTION")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise click.UsageError(f"--python: {named}: {error}") from error
    if not callable(found):
        raise click.UsageError(f"--python: {named} cannot be called")
    handler: Handler = found
    return handler


def _server_variables(target: ServerAddress) -> dict[str, str]:
    """By which `chargehand`, called by the command, finds the same server."""
    if target.socket is not None:
        return {environment.SOCKET_VARIABLE: str(target.socket.absolute())}
    return {environment.URL_VARIABLE: target.url}
