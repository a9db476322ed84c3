"""How a command fails: what is told on stderr, and with which code it ends."""

from collections.abc import Mapping
from typing import Final, final

import click
import orjson

from web.exits import ClientExit

_EXITS: Final[Mapping[int, ClientExit]] = {
    400: ClientExit.INVALID,
    401: ClientExit.NOT_ALLOWED,
    403: ClientExit.NOT_ALLOWED,
    404: ClientExit.NOT_FOUND,
    405: ClientExit.STRANGE,
    409: ClientExit.CONFLICT,
    413: ClientExit.INVALID,
    422: ClientExit.INVALID,
    429: ClientExit.LATER,
    503: ClientExit.LATER,
}


# What is said here in other words than those of the API.
_HINTS: Final[Mapping[object, str]] = {
    "identity_required": "say who calls: --session and --agent, or CHARGEHAND_SESSION_ID and"
    " CHARGEHAND_AGENT in the environment",
    "token_required": "set CHARGEHAND_TOKEN to the server's token",
}


@final
class Failed(Exception):
    """Ends a command.

    Args:
        suggestion: a command that helps.
        body: the server's answer, if it gave one.
    """

    def __init__(
        self,
        exit_with: ClientExit,
        message: str,
        suggestion: str | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.exit_with = exit_with
        self.suggestion = suggestion
        self._body = body

    def tell(self, as_json: bool, same_server: str) -> None:
        """Say it on stderr; `same_server` are the options that lead a command to this server."""
        if as_json and self._body:
            click.echo(self._body.rstrip(b"\n"), err=True)
            return
        click.echo(f"chargehand: {plain(str(self))}", err=True)
        if self.suggestion:
            options = f" {same_server}" if self._body and same_server else ""
            click.echo(f"try: {plain(self.suggestion)}{options}", err=True)


def refused(status: int, raw: bytes) -> Failed:
    """The failure that an error answer tells.

    The server's next step is told in the terms of its API, so a command is told instead if there
    is one.
    """
    diagnostic = _member(raw, "diagnostic")
    found = diagnostic if isinstance(diagnostic, dict) else {}
    suggestion, hint = found.get("suggested_command"), _HINTS.get(found.get("code"))
    if hint:
        message = f"{found.get('title')}: {hint}"
    elif suggestion:
        message = f"{found.get('title')}: {found.get('message')}"
    else:
        message = str(_member(raw, "error") or f"the server answered {status}")
    code = f" [{found['code']}]" if "code" in found else ""
    exit_with = _EXITS.get(status, ClientExit.STRANGE)
    return Failed(exit_with, f"{message}{code}", suggestion, raw)


def _member(raw: bytes, name: str) -> object:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def plain(text: str) -> str:
    """Text of others in a line, with nothing in it that a terminal would obey."""
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else "\ufffd" for c in text)
