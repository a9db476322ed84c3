"""The way to the server: one request or stream at a time."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import monotonic, sleep
from typing import Final, NamedTuple, final
from urllib.parse import parse_qs, urlencode, urlsplit

import click
import orjson

from chargehand.web.cli.connection import (
    ANSWER_S,
    Answer,
    Lost,
    Place,
    Request,
    Silent,
    Unreachable,
    exchange,
)
from chargehand.web.cli.failures import Failed, refused
from chargehand.web.cli.target import Identity, ServerAddress
from chargehand.web.exits import ClientExit
from chargehand.web.headers import IDEMPOTENCY_HEADER, IF_MATCH_HEADER, IGNORED_HEADER

_AGAIN_S: Final = 10.0  # a request whose answer was lost is sent again for so long
_PAUSE_S: Final = 0.2  # and so long after the last try
_NO_CONTENT: Final = 204
_NEXT: Final = re.compile(r'<([^>]*)>[^,<]*;\s*rel="?next\b')


@final
class ApiResponse(NamedTuple):
    """Args:
    body: None where the answer had none.
    ignored: what it did not know of the request, as its header lists it.
    date: when it answered, by its own clock, as HTTP writes it.
    """

    raw: bytes
    body: object
    next_cursor: str | None
    ignored: str | None = None
    date: str | None = None


@final
class Client:
    """Raises `Failed` for whatever goes wrong."""

    def __init__(self, target: ServerAddress, identity: Identity) -> None:
        """Args: target: where it asks; who asks it may read that."""
        self.target = target
        self._missing = identity.missing
        self._headers = identity.headers
        if target.token and target.socket is None:
            self._headers["Authorization"] = f"Bearer {target.token}"
        for name, value in self._headers.items():
            if not (value.isascii() and value.isprintable()):
                raise click.UsageError(f"what is to be sent as {name} cannot be: {value!r}")
        try:
            self._place = Place.of(target)
        except ValueError as error:
            raise click.UsageError(f"{target} is no address: {error}") from error

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        if_match: int | None = None,
        answer_s: float | None = ANSWER_S,
        notice: Callable[[], None] | None = None,
    ) -> ApiResponse:
        """The answer to one request.

        Where the connection is lost before the answer is here, it is sent again, under one key.

        Args:
            if_match: the number that an ETag is.
            answer_s: how long that may take; None: as long as the server lets it.
            notice: called if the answer takes long; by default a line on stderr says so.
        """
        headers = dict(self._headers)
        if method != "GET":
            headers[IDEMPOTENCY_HEADER] = os.urandom(16).hex()
        if body is not None:
            headers["Content-Type"] = "application/json"
        if if_match is not None:
            headers[IF_MATCH_HEADER] = f'"{if_match}"'
        target = f"{path}?{urlencode(query)}" if query else path
        request = Request(method, target, headers, body, answer_s)
        with self._failing():
            return self._answer_to(request, notice or partial(self._report_silence, answer_s))

    def _report_silence(self, answer_s: float | None) -> None:
        text = f"chargehand: no answer from {self.target} yet; waiting"
        click.echo(text if answer_s is None else f"{text} up to {answer_s:g} s", err=True)

    def _answer_to(self, request: Request, notice: Callable[[], None]) -> ApiResponse:
        until_s: float | None = None
        while True:
            try:
                with exchange(self._place, request, notice) as answer:
                    return self._read(answer)
            except Unreachable:
                if until_s is None or monotonic() >= until_s:
                    raise  # nothing was sent
            except Lost:
                if until_s is None:
                    until_s = monotonic() + _AGAIN_S  # the server may be starting anew
                elif monotonic() >= until_s:
                    raise
            sleep(_PAUSE_S)

    def _read(self, answer: Answer) -> ApiResponse:
        raw = answer.read()
        if not _is_success(answer):
            raise refused(answer.status, raw, self._missing)
        link = _NEXT.search(answer.header("Link") or "")
        cursors = [] if link is None else parse_qs(urlsplit(link[1]).query).get("cursor", [])
        cursor = cursors[0] if cursors else None
        ignored, date = answer.header(IGNORED_HEADER), answer.header("Date")
        return ApiResponse(raw, self._parsed(raw), cursor, ignored, date)

    @contextmanager
    def stream(
        self,
        path: str,
        last_event_id: str | None,
        quiet_s: float,
        query: Mapping[str, str] | None = None,
    ) -> Iterator[Iterator[str] | None]:
        """The lines of an event stream; one that is silent for `quiet_s` is lost. None: whoever
        answers says that there is none, and to come back no more."""
        headers = {**self._headers, "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        target = f"{path}?{urlencode(query)}" if query else path
        request = Request("GET", target, headers, None, quiet_s)
        with self._failing(), exchange(self._place, request) as answer:
            if not _is_success(answer):
                raise refused(answer.status, answer.read(), self._missing)
            yield None if answer.status == _NO_CONTENT else answer.lines()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except Unreachable as error:
            raise Failed(
                ClientExit.UNREACHABLE,
                f"no server at {self.target}: {error}",
                self.target.start_command,
            ) from error
        except (Lost, Silent) as error:
            why = str(error) or "it does not answer"
            raise Failed(
                ClientExit.UNREACHABLE, f"the connection to {self.target} failed: {why}"
            ) from error

    def _parsed(self, raw: bytes) -> object:
        if not raw:
            return None
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            text = f"what {self.target} answers is not JSON; is it a chargehand?"
            raise Failed(ClientExit.STRANGE, text) from None


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300
