"""How the app answers a request that one of our own listeners has let in, with its whole body.

Quart-Trio starts two tasks for each request: one carries it out, the other receives the body and
waits for the disconnect. Here the body is there already, and a disconnect cancels a scope, so the
task that the connection has started for the request is enough.

Most writes are carried out whether or not their client stays for the answer: a client that asked
and hung up has asked. Reads, and what waits for something, end with their client.
"""

from typing import Final, final

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from quart_trio.asgi import TrioASGIHTTPConnection
from quart_trio.wrappers import TrioRequest

from chargehand.web.application import exchange_of
from chargehand.web.operations import MAY_WAIT

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WAITING_PATHS: Final = frozenset(operation.path for operation in MAY_WAIT)


@final
class WholeRequest(TrioRequest):
    whole: bytes | None = None

    async def whole_body(self) -> bytes:
        """The body; received first, if the request came by another server."""
        if self.whole is not None:
            return self.whole
        return await self.get_data(False, False, False)


@final
class AnsweredByOneTask(TrioASGIHTTPConnection):
    """Args: scope, app: as Quart gives them."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        exchange = exchange_of(self.scope)
        if exchange is None:
            await super().__call__(receive, send)
            return
        request = self._create_request_from_scope(send)
        assert isinstance(request, WholeRequest), "the app has another request class"
        request.whole = exchange.body
        if not _ends_with_its_client(self.scope):
            await self._answer(request, send)
            return
        with trio.CancelScope() as while_there:
            exchange.cancel_when_gone(while_there)
            await self._answer(request, send)

    async def _answer(self, request: WholeRequest, send: ASGISendCallable) -> None:
        # How long the peer may take for it is the connection's business.
        await self._send_response(send, await self.app.handle_request(request))


def _ends_with_its_client(scope: HTTPScope) -> bool:
    return scope["method"] in _READS or scope["path"].rstrip("/") in _WAITING_PATHS
