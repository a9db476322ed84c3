"""One request and its answer, as whoever answers sees them: guard, application, or another lane."""

from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, Protocol, final

import trio

from chargehand.web.framing import CONTINUE, AnswerFraming
from chargehand.web.parsing import RequestHead
from chargehand.web.refusal import RawHeaders, Refusal

UNREAD_PIECES_MAX: Final = 10  # of a body that wait for whoever answers


class Peer(Protocol):
    """The connection's side of an exchange."""

    client: tuple[str, int] | None
    server: tuple[str, int] | None

    @property
    def is_last(self) -> bool:
        """Whether no more requests are taken from it."""

    async def write(self, data: bytes) -> None:
        """Return when the peer has taken it, or is gone."""

    def made_room(self) -> None:
        """The exchange may be behind no longer."""


class BodyEnd(Enum):
    """What stands behind the last piece of a body."""

    WHOLE = "whole"
    CUT_OFF = "cut off"  # the peer is gone, or what it sent was no body


@final
class Exchange:
    """A request with the pieces of its body, and the answer that goes out.

    The connection adds pieces, completes the body and says when the peer hangs up. Whoever answers
    takes the pieces, then begins the answer and sends it. The head goes out with the first piece of
    the answer's body: one system call, and one wake-up of the peer, where there were two.

    Args of the parts:
        body: all of it, once the guard has let it in.
        is_whole: all of the request has come.
        is_gone: the peer has hung up.
        status: of the answer, once it has begun.
        is_answered: to its end.
    """

    __slots__ = (
        "_arrived",
        "_asks_first",
        "_framing",
        "_is_head_sent",
        "_more_headers",
        "_peer",
        "_pieces",
        "_refusal",
        "_replaced",
        "_stale",
        "_while_there",
        "body",
        "head",
        "is_answered",
        "is_gone",
        "is_whole",
        "status",
    )

    def __init__(self, head: RequestHead, peer: Peer) -> None:
        self.head = head
        self.body: bytes | None = None
        self.is_whole = False
        self.is_gone = False
        self.status: int | None = None
        self.is_answered = False
        self._peer = peer
        self._pieces: deque[bytes] = deque()
        self._asks_first = head.expects_continue
        self._arrived: trio.Event | None = None  # somebody waits for it
        self._while_there: trio.CancelScope | None = None
        self._refusal: Refusal | None = None
        self._framing: AnswerFraming | None = None
        self._is_head_sent = False
        self._more_headers: RawHeaders = ()
        self._stale: Callable[[], Refusal | None] | None = None
        self._replaced: bytes | None = None  # the body that goes out instead of the answer's

    # --- the connection's side -----------------------------------------------------------------

    def add(self, piece: bytes) -> None:
        """A piece of the body has come."""
        self._asks_first = False
        if not self.is_answered:
            self._pieces.append(piece)
            self._wake()

    def complete(self) -> None:
        """All of the body has come."""
        self.is_whole = True
        self._wake()

    def hang_up(self) -> None:
        """The peer is gone. What it has asked for as a whole may be carried out all the same."""
        self.is_gone = True
        if self._while_there is not None:
            self._while_there.cancel()
        self._wake()

    def break_off(self, refusal: Refusal) -> None:
        """What came as body was none; `refusal` is answered, if there is no answer yet."""
        self._refusal = refusal
        self.hang_up()

    @property
    def is_behind(self) -> bool:
        """Whether more of the body waits than should."""
        return len(self._pieces) >= UNREAD_PIECES_MAX and not self.is_answered

    @property
    def closes(self) -> bool:
        """Whether nothing can follow the answer."""
        return not self.is_answered or self._framing is None or self._framing.closes

    async def finish(self, otherwise: Refusal) -> None:
        """Nobody will answer any more: say why, if nothing was said, and `otherwise` if it is
        nobody's fault but ours."""
        self._while_there = None
        refusal = self._refusal or (None if self.is_gone else otherwise)
        if self.status is None and refusal is not None:
            await self.refuse(refusal)
        self._pieces.clear()

    # --- the side of whoever answers -----------------------------------------------------------

    @property
    def client(self) -> tuple[str, int] | None:
        return self._peer.client

    @property
    def server(self) -> tuple[str, int] | None:
        """The address at which the connection arrived."""
        return self._peer.server

    def receive_nowait(self) -> bytes | BodyEnd | None:
        """The next piece of the body or its end, if that is there."""
        if self._pieces:
            self._peer.made_room()
            return self._pieces.popleft()
        if self.is_whole:
            return BodyEnd.WHOLE
        return BodyEnd.CUT_OFF if self.is_gone else None

    async def receive(self) -> bytes | BodyEnd:
        """The next piece of the body, or its end. A client that wants to be asked is asked."""
        while (piece := self.receive_nowait()) is None:
            if self._asks_first:
                self._asks_first = False
                await self._peer.write(CONTINUE)
                continue
            await self._wait()
        return piece

    async def wait_gone(self) -> None:
        """Return when the peer has hung up, or the answer is complete."""
        while not (self.is_gone or self.is_answered):
            await self._wait()

    def cancel_when_gone(self, scope: trio.CancelScope) -> None:
        """Cancel `scope` when the client hangs up; at once, if it has."""
        self._while_there = scope
        if self.is_gone:
            scope.cancel()

    def add_headers(self, headers: RawHeaders) -> None:
        """They go into the answer, whoever begins it."""
        self._more_headers = (*self._more_headers, *headers)

    def answer_unless(self, stale: Callable[[], Refusal | None] | None) -> None:
        """Ask `stale` as the answer begins; a refusal of it goes out instead. None: ask nobody."""
        self._stale = stale

    def begin(self, status: int, headers: RawHeaders) -> None:
        """The head of the answer; names of headers in lower case.

        The connection ends with it if a part of the body is still to come: it is left unread.

        Raises:
            ValueError: a header would be another's beginning.
        """
        assert self.status is None, "an exchange has one answer"
        if self._stale is not None and (refusal := self._stale()) is not None:
            self._replaced = refusal.problem.body()
            status, headers = refusal.status, refusal.headers(self._replaced)
        close = not self.is_whole or not self.head.keeps_alive or self._peer.is_last
        if self._more_headers:
            headers = (*headers, *self._more_headers)
        self._framing = AnswerFraming(self.head, status, headers, close)
        self.status = status

    async def send(self, data: bytes, more: bool) -> None:
        """A piece of the answer's body, `more` of which follows, or its end.

        Raises:
            ValueError: the answer has declared another length.
        """
        if self._replaced is not None:
            if self.is_answered:
                return
            data, more = self._replaced, False
        framing = self._framing
        assert framing is not None, "the answer has not begun"
        assert not self.is_answered, "the answer has ended"
        out = framing.piece(data)
        if not more:
            out += framing.end()
        elif not out and framing.has_body:
            return
        if not self._is_head_sent:
            self._is_head_sent = True
            out = framing.head + out
        if out:
            await self._peer.write(out)
        if not more:
            self.is_answered = True
            self._wake()
            self._peer.made_room()
        elif framing.is_stream:
            await trio.lowlevel.checkpoint()  # a peer that takes all at once must not hold us

    async def answer(self, status: int, headers: RawHeaders, body: bytes = b"") -> None:
        """All of an answer at once."""
        self.begin(status, headers)
        await self.send(body, False)

    async def refuse(self, refusal: Refusal) -> None:
        body = refusal.problem.body()
        await self.answer(refusal.status, refusal.headers(body), body)

    async def _wait(self) -> None:
        """Return when something has changed."""
        if self._arrived is None:
            self._arrived = trio.Event()
        await self._arrived.wait()

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None


Answerer = Callable[[Exchange], Awaitable[None]]
"""Answers a request, or has another do it. What it leaves unanswered is answered as an error."""
