"""A client of a server: where that is, and the connections to it."""

import ssl
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

import httpx

from chargehand.web.agents.errors import OpenError
from chargehand.web.cli.connection import Place
from chargehand.web.cli.target import ServerAddress, target_of
from chargehand.web.client.connections import Connections
from chargehand.web.client.over_http import CONNECT_S, OverHttp
from chargehand.web.client.whole_body import SENT_WHOLE

ANSWER_S: Final = 60.0  # that a server may take for an answer, unless it is one that waits
WAIT_S: Final = 330.0  # that it may let one wait; a lost connection shows sooner, as a rule
PATIENCE_S: Final = 60.0
CONNECTIONS_MAX: Final = 64  # for what does not wait
KEPT_S: Final = 60.0  # that a connection is kept open unused; servers close theirs after 75
_HOST: Final = "chargehand"  # of a server at a socket


@final
class Client(OverHttp):
    """Asks a server over HTTP, by its URL or its Unix socket.

        async with Client("http://127.0.0.1:2123") as client:
            task = await client.create_task("Ship it")

    A request whose answer was lost is sent again, under a key that the client makes, so it has one
    effect. A server that is away, restarts or is overloaded is waited for.

    Args:
        url: as `http://127.0.0.1:2123`. Without url and socket, the server is that which the
            command line would ask: CHARGEHAND_SOCKET, CHARGEHAND_URL, `data/chargehand.sock`, else
            http://127.0.0.1:2123.
        socket: path of the server's Unix socket.
        token: the server's, if it asks for one over TCP; None: CHARGEHAND_TOKEN; empty: none.
        patience_seconds: how long a request is sent again that is not answered, before it raises
            `Unavailable`.

    Raises:
        OpenError: the URL is not valid, or both a URL and a socket are given.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        socket: str | PathLike[str] | None = None,
        token: str | None = None,
        patience_seconds: float = PATIENCE_S,
    ) -> None:
        if url is not None and socket is not None:
            raise OpenError("bad_address", "url and socket are two places", "give one of them")
        try:
            self.address = target_of(None if socket is None else Path(socket), url, token)
            place = Place.of(self.address)
        except ValueError as error:
            named = "CHARGEHAND_URL" if url is None else repr(url)
            raise OpenError("bad_address", f"{named}: {error}") from error
        # Made once: reading the certificates takes longer than most requests.
        tls = httpx.create_ssl_context(verify=place.is_secure, trust_env=False)
        super().__init__(
            Connections(partial(_client, self.address, tls, ANSWER_S), CONNECTIONS_MAX),
            Connections(partial(_client, self.address, tls, WAIT_S)),
            patience_seconds,
            str(self.address),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def _client(address: ServerAddress, tls: ssl.SSLContext, answer_s: float) -> httpx.AsyncClient:
    headers = {}
    if address.token and address.socket is None:
        headers["Authorization"] = f"Bearer {address.token}"
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(
            uds=None if address.socket is None else fspath(address.socket),
            verify=tls,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=KEPT_S),
            trust_env=False,  # the server is named directly
        ),
        base_url=f"http://{_HOST}" if address.socket is not None else address.url,
        headers=headers,
        timeout=httpx.Timeout(answer_s, connect=CONNECT_S),
        event_hooks=SENT_WHOLE,
    )
