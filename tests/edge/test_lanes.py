"""The seams: another parser, and another one who answers, in place of h11 and the application."""

from contextlib import nullcontext

import pytest
import trio
from attrs import define
from trio.testing import wait_all_tasks_blocked

from chargehand.web.connection import Bounds
from chargehand.web.exchange import UNREAD_PIECES_MAX, Answerer, Exchange
from chargehand.web.guard import Bodies, Guard
from chargehand.web.parsing import ParserFactory, Progress, RequestHead
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


@define
class Crumbs:
    """A head with a body of a million pieces, all of which have come at once."""

    given: int = 0
    has_head: bool = False

    def feed(self, data: bytes) -> None:
        pass

    def advance(self) -> RequestHead | bytes | Progress:
        if not self.has_head:
            self.has_head = True
            return RequestHead("POST", b"/x", "1.1", [], is_chunked=True)
        if self.given == 1_000_000:
            return Progress.IS_WHOLE
        self.given += 1
        return b"x"

    def rest(self) -> bytes:
        return b""


async def echo(exchange: Exchange) -> None:
    headers = [(b"content-length", b"%d" % len(exchange.head.target))]
    await exchange.answer(200, headers, exchange.head.target)


@pytest.fixture
def serving(nursery):
    """Starts a listener; a peer of it."""

    async def start(answer: Answerer, make_parser: ParserFactory) -> Peer:
        listener = listen_tcp("127.0.0.1", 0)
        port = listener.getsockname()[1]
        bounds = Bounds(HOUR_S, HOUR_S, HOUR_S)
        front = Front(listener, answer, nullcontext, bounds, 10, make_parser)
        await nursery.start(front.run)
        return Peer(await trio.open_tcp_stream("127.0.0.1", port))

    return start


async def test_another_parser_and_another_answerer_serve(serving, nursery):
    peer = await serving(Guard(echo, None, Bodies(), HOUR_S), Lines)
    await peer.send(b"/one\n/two\n/th")
    assert [(await peer.answer()).body for _ in range(2)] == [b"/one", b"/two"]
    await peer.send(b"ree\n")
    assert (await peer.answer()).body == b"/three"
    await peer.stream.aclose()
    nursery.cancel_scope.cancel()


async def test_a_body_in_crumbs_is_read_as_fast_as_it_is_taken(serving, nursery):
    crumbs = Crumbs()

    async def taste(exchange: Exchange) -> None:
        for taken in range(0, 100, 5):
            for _ in range(5):
                assert await exchange.receive() == b"x"
            await wait_all_tasks_blocked()
            assert crumbs.given == taken + 5 + UNREAD_PIECES_MAX
        await exchange.answer(200, [(b"content-length", b"2")], b"ok")

    peer = await serving(taste, lambda: crumbs)
    await peer.send(b"x")
    answer = await peer.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    await peer.stream.aclose()
    nursery.cancel_scope.cancel()
