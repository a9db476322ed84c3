"""The seams: another parser, and another one who answers, in place of h11 and the application."""

from contextlib import nullcontext

import trio
from attrs import define

from chargehand.web.connection import Bounds
from chargehand.web.exchange import Exchange
from chargehand.web.guard import Bodies, Guard
from chargehand.web.parsing import Progress, RequestHead
from chargehand.web.server import Front
from chargehand.web.sockets import listen_tcp
from tests.edge.conftest import HOUR_S
from tests.edge.peer import Peer


@define
class Lines:
    """A request is a line with its target."""

    unread: bytes = b""
    is_begun: bool = False

    def feed(self, data: bytes) -> None:
        self.unread += data

    def advance(self) -> RequestHead | bytes | Progress:
        if self.is_begun:
            return Progress.IS_WHOLE
        target, newline, rest = self.unread.partition(b"\n")
        if not newline:
            return Progress.NEEDS_DATA
        self.unread, self.is_begun = rest, True
        return RequestHead("GET", target, "1.1", [])

    def rest(self) -> bytes:
        return self.unread


async def echo(exchange: Exchange) -> None:
    headers = [(b"content-length", b"%d" % len(exchange.head.target))]
    await exchange.answer(200, headers, exchange.head.target)


async def test_another_parser_and_another_answerer_serve(nursery):
    listener = listen_tcp("127.0.0.1", 0)
    guard = Guard(echo, None, Bodies(), HOUR_S)
    bounds = Bounds(HOUR_S, HOUR_S, HOUR_S)
    front = Front(listener, guard, nullcontext, bounds, 10, Lines)
    port = listener.getsockname()[1]
    await nursery.start(front.run)
    peer = Peer(await trio.open_tcp_stream("127.0.0.1", port))
    await peer.send(b"/one\n/two\n/th")
    assert [(await peer.answer()).body for _ in range(2)] == [b"/one", b"/two"]
    await peer.send(b"ree\n")
    assert (await peer.answer()).body == b"/three"
    await peer.stream.aclose()
    nursery.cancel_scope.cancel()
