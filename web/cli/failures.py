"""How a command fails: what it says on stderr, and with which code it ends."""

from collections.abc import Mapping
from typing import Final, NamedTuple, final

import click
import orjson

from chargehand.web.cli.again import again
from chargehand.web.exits import ClientExit

_EXITS: Final[Mapping[int, ClientExit]] = {
    400: ClientExit.INVALID,
    401: ClientExit.NOT_ALLOWED,
    403: ClientExit.NOT_ALLOWED,
    404: ClientExit.NOT_FOUND,
    405: ClientExit.STRANGE,
    409: ClientExit.CONFLICT,
    412: ClientExit.CONFLICT,
    413: ClientExit.INVALID,
    422: ClientExit.INVALID,
    429: ClientExit.LATER,
    503: ClientExit.LATER,
}
_IDENTITY_REQUIRED: Final = "identity_required"
# What is said here in other words than those of the API.
_HINTS: Final[Mapping[object, str]] = {
    _IDENTITY_REQUIRED: "say who calls: --session and --agent, or CHARGEHAND_SESSION_ID and"
    " CHARGEHAND_AGENT in the environment",
    "token_required": "set CHARGEHAND_TOKEN to the server's token",
}


_CALL: Final = " /api/"  # a path, behind its method


@final
class ErrorReport(NamedTuple):
    """An error of the API in a sentence, and the command that it suggests.

    Its next step is given in the terms of the API, so it is left out where there is a command, and
    where it is an HTTP call.
    """

    text: str = ""
    suggestion: str | None = None
    code: str | None = None

    @classmethod
    def of(cls, error: object, missing: str | None = None) -> "ErrorReport":
        """An error of a Chargehand; one of another server has no text.

        Args:
            missing: how to give the other half of an identity of which one was sent.
        """
        if not isinstance(error, Mapping):
            return cls()
        diagnostic = error.get("diagnostic")
        found = diagnostic if isinstance(diagnostic, Mapping) else {}
        suggestion, hint = found.get("suggested_command"), _HINTS.get(found.get("code"))
        if missing is not None and found.get("code") == _IDENTITY_REQUIRED:
            hint = f"say who calls by {missing}, too"
        if hint:
            text = f"{found.get('title')}: {hint}"
        elif suggestion or _CALL in str(error.get("error")):
            text = f"{found.get('title')}: {found.get('message')}"
        else:
            text = str(error.get("error") or "")
        code = str(found["code"]) if "code" in found else None
        if code is not None:
            text = f"{text} [{code}]"
        return cls(text, str(suggestion) if suggestion else None, code)


@final
class Failed(Exception):
    """Ends a command.

    Args:
        suggestion: a command that helps.
        body: the server's answer, if it gave one.
        code: that of the API, if it named one.
    """

    def __init__(
        self,
        exit_with: ClientExit,
        text: str,
        suggestion: str | None = None,
        body: bytes = b"",
        code: str | None = None,
    ) -> None:
        super().__init__(text)
        self.exit_with = exit_with
        self.text = text
        self.suggestion = suggestion
        self.code = code
        self._body = body

    def __str__(self) -> str:
        return self.text

    def report(self, as_json: bool) -> None:
        """Write it to stderr."""
        if as_json:
            click.echo(self.as_json.rstrip(b"\n"), err=True)
            return
        click.echo(f"chargehand: {plain(self.text)}", err=True)
        if self.suggestion:
            suggested = again(self.suggestion) if self._body else self.suggestion
            click.echo(f"try: {plain(suggested)}", err=True)

    @property
    def as_json(self) -> bytes:
        """The server's answer; a failure without one in the shape that it would have."""
        if self._body:
            return self._body
        diagnostic = {"code": self.exit_with.name.lower(), "message": self.text}
        if self.suggestion:
            diagnostic["suggested_command"] = self.suggestion
        return orjson.dumps({"error": self.text, "diagnostic": diagnostic})


def refused(status: int, raw: bytes, missing: str | None = None) -> Failed:
    """The failure that an error answer describes.

    Args:
        missing: how to give the other half of an identity of which one was sent.
    """
    try:
        refusal = ErrorReport.of(orjson.loads(raw), missing)
    except orjson.JSONDecodeError:
        refusal = ErrorReport()
    text = refusal.text or f"the server answered {status}"
    exit_with = _EXITS.get(status, ClientExit.STRANGE)
    if exit_with is ClientExit.INVALID and _is_of_a_state(refusal.code):
        exit_with = ClientExit.CONFLICT
    return Failed(exit_with, text, refusal.suggestion, raw, refusal.code)


def _is_of_a_state(code: str | None) -> bool:
    """Whether a refusal is one of a state; not every operation of the API has a status for that."""
    from chargehand.actors.errors import Code, Kind  # which is long, and rarely needed

    return any(known.code == code and known.kind is Kind.CONFLICT for known in Code)


def plain(text: str) -> str:
    """Text of others in a line, with nothing in it that a terminal would obey."""
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else "\ufffd" for c in text)
