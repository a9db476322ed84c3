"""One connection: bytes in, requests to whoever answers, bytes out, all of it bounded.

One task reads. A second one answers one request after another, and alone writes; having answered,
it takes up what has come behind. The reader goes on meanwhile, so that a hang-up is noticed.
"""

import logging
import math
import socket as stdlib_socket
from time import perf_counter
from typing import Final, Protocol, final

import trio

from chargehand.actors.frozen import frozen
from chargehand.web import access_log
from chargehand.web.exchange import Answerer, Exchange
from chargehand.web.framing import AnswerFraming
from chargehand.web.parsing import (
    MalformedRequest,
    ParserFactory,
    Progress,
    RequestHead,
    RequestParser,
)
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

READ_BYTES_MAX: Final = 65_536
LINGER_S: Final = 1.0  # a peer may go on sending this long after our last byte

_NOT_ANSWERED: Final = Refusal.of(
    EdgeCode.INTERNAL, "something went wrong here", "look at the server's log"
)

_log = logging.getLogger("chargehand.http")


@final
@frozen
class Bounds:
    """How long a peer may take; times in seconds."""

    idle_s: float  # between two requests
    header_s: float  # from the first byte of a request to the end of its headers
    write_s: float  # for one piece of an answer to be taken


class ConnectionOwner(Protocol):
    """The listener's side of a connection: who is idle may be closed for want of room."""

    answer: Answerer
    make_parser: ParserFactory
    bounds: Bounds
    is_stopping: bool

    def became_idle(self, connection: "Connection") -> None:
        """No request is under way on `connection`."""

    def became_busy(self, connection: "Connection") -> None:
        """A request came in on `connection`."""


@final
class Connection:
    """A peer. `run` returns when it is gone and its last request has ended.

    Between requests the peer has `idle_s`, for the headers of one `header_s`; a body's time is
    the guard's business. A write that is not taken within `write_s` ends the connection.

    Args:
        socket: not blocking; closed by `run`.
    """

    def __init__(self, socket: stdlib_socket.socket, owner: ConnectionOwner) -> None:
        self._socket = socket
        self._owner = owner
        self._parser: RequestParser | None = None  # of the request that is coming in
        self._exchange: Exchange | None = None  # the request under way
        self._ahead = b""  # came behind it
        self._room: trio.Event | None = None  # the reader waits for it
        self._tasks: trio.Nursery | None = None
        self._to_answer: Exchange | Refusal | None = None
        self._has_answering_task = False
        self._resting: trio.lowlevel.Task | None = None  # the one that answers, with nothing to do
        self._reading = trio.CancelScope()
        self._due = math.inf  # when reading ends; its scope may end earlier, and is then renewed
        self._writing: trio.CancelScope | None = None
        self._is_idle = False
        self._is_held_back = False  # the parser has more than was taken
        self._is_ending = False  # our side is closed; what still comes is discarded
        self._is_hung_up = False
        self._is_broken = False
        self._is_over = False  # nothing is read any more
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None

    async def run(self) -> None:
        try:
            self.client = _address(self._socket.getpeername())
            self.server = _address(self._socket.getsockname())
            async with trio.open_nursery() as self._tasks:
                self._set_idle()
                await self._read_in_time()
                self._is_over = True
                if self._exchange is not None:
                    self._exchange.hang_up()
                self._wake()
        except* OSError as errors:
            _log.debug("connection lost: %s", errors.exceptions[0])
        except* Exception:
            _log.exception("a connection failed")
        finally:
            self._owner.became_busy(self)
            self._socket.close()
            # They refer to this connection, and a cycle may wait for a full collection.
            self._tasks = self._exchange = None

    def close_idle(self) -> bool:
        """Close it if no request is under way; True if so."""
        if self._is_idle:
            self._stop_reading()
        return self._is_idle

    def abort(self) -> None:
        """Close it now, whatever the peer or the application is doing."""
        self._stop_reading()
        if self._writing is not None:
            self._writing.cancel()
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    # --- what an exchange needs ----------------------------------------------------------------

    @property
    def is_last(self) -> bool:
        return self._owner.is_stopping

    async def write(self, data: bytes) -> None:
        """Return when the peer has taken it, or is gone; only for the task that answers."""
        if self._is_broken:
            return
        try:
            sent = self._socket.send(data)
            if sent < len(data):
                await self._write_rest(memoryview(data)[sent:])
        except BlockingIOError:
            await self._write_rest(memoryview(data))
        except OSError:
            self._set_broken()

    def made_room(self) -> None:
        if self._room is not None:
            self._room.set()

    async def _write_rest(self, data: memoryview) -> None:
        """Half a frame must never be followed by another, so nothing but time ends it."""
        deadline = trio.current_time() + self._owner.bounds.write_s
        with trio.CancelScope(shield=True, deadline=deadline) as self._writing:
            while data:
                await trio.lowlevel.wait_writable(self._socket)
                try:
                    data = data[self._socket.send(data) :]
                except BlockingIOError:
                    continue
                except OSError:
                    break
        self._writing = None
        if data:
            self._set_broken()

    def _set_broken(self) -> None:
        self._is_broken = True
        self._stop_reading()
        if self._exchange is not None:
            self._exchange.hang_up()

    # --- reading -------------------------------------------------------------------------------

    async def _read_in_time(self) -> None:
        """Read until `_due`. That moves with each request, its scope mostly does not."""
        while True:
            with trio.CancelScope(deadline=self._due) as self._reading:
                await self._read()
                return
            if self._due <= trio.current_time():
                return

    def _set_due(self, due: float) -> None:
        self._due = due
        if due < self._reading.deadline:
            self._reading.deadline = due

    def _stop_reading(self) -> None:
        self._due = -math.inf
        self._reading.cancel()

    async def _read(self) -> None:
        while not self._is_hung_up:
            if self._is_full():
                self._room = trio.Event()
                await self._room.wait()
                self._room = None
                continue
            if self._is_held_back and self._parser is not None and not self._is_ending:
                self._advance(self._parser)
                continue
            data = await self._receive()
            if not data:
                self._is_hung_up = True
            if self._is_ending:
                continue
            if self._exchange is None or not self._exchange.is_whole:
                self._take(data)
            elif data:
                self._ahead += data
            else:
                self._exchange.hang_up()

    def _is_full(self) -> bool:
        exchange = self._exchange
        if exchange is None or self._is_ending:
            return False
        return exchange.is_behind or len(self._ahead) >= READ_BYTES_MAX

    async def _receive(self) -> bytes:
        """What comes next; nothing once the peer has hung up."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)  # and let others run
            try:
                return self._socket.recv(READ_BYTES_MAX)
            except BlockingIOError:
                continue
            except OSError:
                return b""

    def _take(self, data: bytes) -> None:
        """Take in a part of the request that is coming in; nothing: no more of it will come."""
        parser, is_new = self._parser, False
        if parser is None:
            if not data:
                return
            parser, is_new = self._owner.make_parser(), True
            self._parser = parser
        parser.feed(data)
        self._advance(parser)
        if self._is_idle and is_new:
            self._set_due(trio.current_time() + self._owner.bounds.header_s)

    def _advance(self, parser: RequestParser) -> None:
        """Go on with what the parser has got, as far as it is taken out of the exchange."""
        self._is_held_back = False
        try:
            while not isinstance(event := parser.advance(), Progress):
                if isinstance(event, RequestHead):
                    self._begin(event)
                elif self._exchange is not None:
                    self._exchange.add(event)
                    # Thousands of them may follow, a byte each; the reader goes on, if it can.
                    if self._exchange.is_behind and not self._is_hung_up:
                        self._is_held_back = True
                        return
        except MalformedRequest as malformed:
            self._refuse(malformed.refusal)
            return
        if event is Progress.IS_WHOLE and self._exchange is not None:
            self._ahead = parser.rest()
            self._parser = None
            self._exchange.complete()
            if self._is_hung_up:
                self._exchange.hang_up()

    def _begin(self, head: RequestHead) -> None:
        self._exchange = Exchange(head, self)
        self._set_busy()
        self._start(self._exchange)

    def _refuse(self, refusal: Refusal) -> None:
        """What has come is no request, or not the rest of one."""
        if self._exchange is not None:
            self._is_ending = True  # no more is read, while it is answered
            self._exchange.break_off(refusal)
        else:
            self._set_busy()
            self._is_ending = True
            self._start(refusal)

    # --- answering -----------------------------------------------------------------------------

    def _start(self, to_answer: Exchange | Refusal) -> None:
        """Have it answered, by a task that is kept: to start one costs more than to wake one."""
        self._to_answer = to_answer
        if self._has_answering_task:
            self._wake()
        else:
            assert self._tasks is not None, "reading is inside the nursery"
            self._has_answering_task = True
            self._tasks.start_soon(self._answer_all)

    async def _answer_all(self) -> None:
        while (to_answer := await self._next()) is not None:
            if isinstance(to_answer, Refusal):
                await self._answer_no_request(to_answer)
            else:
                await self._answer(to_answer)
            del to_answer  # it refers to this connection

    async def _next(self) -> Exchange | Refusal | None:
        """What is to be answered next; None: nothing will be any more."""
        if self._to_answer is not None:
            await trio.lowlevel.checkpoint()  # who sends many at once must not hold up all others
        elif not self._is_over:
            await self._rest()
        to_answer, self._to_answer = self._to_answer, None
        return to_answer

    async def _rest(self) -> None:
        """Return when there is something to answer, or nothing will come any more."""

        def give_up(_: object) -> trio.lowlevel.Abort:
            self._resting = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._resting = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(give_up)

    def _wake(self) -> None:
        if self._resting is not None:
            trio.lowlevel.reschedule(self._resting)
            self._resting = None

    async def _answer(self, exchange: Exchange) -> None:
        began_s = perf_counter()
        try:
            await self._owner.answer(exchange)
        except* Exception:
            _log.exception("a request could not be answered")
        await exchange.finish(_NOT_ANSWERED)
        head = exchange.head
        access_log.log(head.method, head.target, exchange.status, perf_counter() - began_s)
        self._exchange = None
        if exchange.closes or self._is_ending or self._is_broken or self._owner.is_stopping:
            self._end()
            return
        self._set_idle()
        if self._ahead:
            data, self._ahead = self._ahead, b""
            self._take(data)
            if self._is_hung_up:
                self._take(b"")
        self.made_room()

    async def _answer_no_request(self, refusal: Refusal) -> None:
        body = refusal.problem.body()
        framing = AnswerFraming(None, refusal.status, refusal.headers(body), close=True)
        await self.write(framing.head + framing.piece(body))
        self._end()

    def _set_idle(self) -> None:
        self._is_idle = True
        self._set_due(trio.current_time() + self._owner.bounds.idle_s)
        self._owner.became_idle(self)

    def _set_busy(self) -> None:
        self._is_idle = False
        self._due = math.inf
        self._owner.became_busy(self)

    def _end(self) -> None:
        """Say that no more will come. Closing with bytes unread would reset the connection, and
        the peer might never see the answer; so it has a moment to finish or hang up."""
        self._set_busy()
        self._is_ending = True
        self._set_due(trio.current_time() + LINGER_S)
        self.made_room()
        try:
            self._socket.shutdown(stdlib_socket.SHUT_WR)
        except OSError:
            self._is_broken = True
        if self._is_broken:
            self._stop_reading()


def _address(address: object) -> tuple[str, int] | None:
    """Host and port; None of a Unix socket."""
    match address:
        case (str(host), int(port), *_):
            return host, port
        case _:
            return None
