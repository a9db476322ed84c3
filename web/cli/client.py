"""The way to the server: one request or stream at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from secrets import token_hex
from time import monotonic, sleep
from typing import Final, final

import click
import httpx
import orjson

from chargehand.actors.frozen import frozen
from chargehand.web.cli.failures import Failed, refused
from chargehand.web.cli.target import Identity, ServerAddress
from chargehand.web.exits import ClientExit
from chargehand.web.headers import IDEMPOTENCY_HEADER, IF_MATCH_HEADER, IGNORED_HEADER

_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 60.0
_AGAIN_S: Final = 10.0  # a request whose answer was lost is sent again for so long
_PAUSE_S: Final = 0.2  # and so long after the last try


@final
@frozen
class ApiResponse:
    """Args:
    body: None where the server had nothing to tell.
    ignored: what it did not know of the request, as its header lists it.
    """

    raw: bytes
    body: object
    next_cursor: str | None
    ignored: str | None = None


def transport_of(target: ServerAddress) -> httpx.BaseTransport:
    """The way to a server. Proxies of the environment are left alone: it is named directly."""
    if target.socket is None:
        return httpx.HTTPTransport(trust_env=False)
    return httpx.HTTPTransport(uds=str(target.socket), trust_env=False)


@final
class Client:
    """Raises `Failed` for whatever goes wrong."""

    def __init__(self, target: ServerAddress, identity: Identity) -> None:
        self._target = target
        headers = identity.headers
        if target.token and target.socket is None:
            headers["Authorization"] = f"Bearer {target.token}"
        try:
            self._client = httpx.Client(
                transport=transport_of(target),
                base_url="http://chargehand" if target.socket else target.url,
                headers=headers,
                timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise click.UsageError(f"the server or the identity cannot be used: {error}") from error

    def close(self) -> None:
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        *,
        if_match: int | None = None,
        may_wait: bool = False,
    ) -> ApiResponse:
        """The answer to one request; one that may wait has as long as the server lets it.

        Where the connection is lost before the answer is here, it is sent again, under one key.

        Args:
            if_match: the number that an ETag is.
        """
        timeout = httpx.Timeout(None if may_wait else _ANSWER_S, connect=_CONNECT_S)
        headers = {} if method == "GET" else {IDEMPOTENCY_HEADER: token_hex(16)}
        if if_match is not None:
            headers[IF_MATCH_HEADER] = f'"{if_match}"'
        request = self._client.build_request(
            method, path, params=dict(query), content=body, headers=headers, timeout=timeout
        )
        with self._failing():
            answer = self._answer_to(request)
        if not answer.is_success:
            raise refused(answer.status_code, answer.content)
        link = answer.links.get("next", {}).get("url")
        cursor = None if link is None else httpx.URL(link).params.get("cursor")
        ignored = answer.headers.get(IGNORED_HEADER)
        return ApiResponse(answer.content, self._parsed(answer), cursor, ignored)

    def _answer_to(self, request: httpx.Request) -> httpx.Response:
        until_s: float | None = None
        while True:
            try:
                return self._client.send(request)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                if until_s is None:
                    if isinstance(error, httpx.ConnectError):
                        raise  # nothing was sent
                    until_s = monotonic() + _AGAIN_S  # the server may be starting anew
                elif monotonic() >= until_s:
                    raise
            sleep(_PAUSE_S)

    @contextmanager
    def stream(
        self, path: str, last_event_id: str | None, quiet_s: float
    ) -> Iterator[Iterator[str]]:
        """The lines of an event stream; one that is silent for `quiet_s` is lost."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        timeout = httpx.Timeout(quiet_s, connect=_CONNECT_S)
        with (
            self._failing(),
            self._client.stream("GET", path, headers=headers, timeout=timeout) as answer,
        ):
            if not answer.is_success:
                raise refused(answer.status_code, answer.read())
            yield answer.iter_lines()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise click.UsageError(f"{self._target} is no address: {error}") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Failed(
                ClientExit.UNREACHABLE,
                f"no server at {self._target}: {error}",
                self._target.start_command,
            ) from error
        except httpx.TransportError as error:
            told = str(error) or type(error).__name__
            raise Failed(
                ClientExit.UNREACHABLE, f"the connection to {self._target} failed: {told}"
            ) from error

    def _parsed(self, answer: httpx.Response) -> object:
        if not answer.content:
            return None
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            told = f"what {self._target} answers is no JSON; is it a chargehand?"
            raise Failed(ClientExit.STRANGE, told) from None
