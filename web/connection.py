"""One connection: bytes in, requests to the application, bytes out, all of it bounded.

Hypercorn's HTTP/1.1 protocol does the parsing; the socket around it is ours. Its own TCP server
holds a connection for ever when a peer stops reading, or when the application answers before it
has read a large body, and lets a clear-text peer switch to HTTP/2.
"""

import logging
import math
import socket as stdlib_socket
from time import time
from typing import Final, Protocol, final

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import Request, Response, StreamClosed
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGISendEvent, ConnectionState
from hypercorn.utils import parse_socket_addr

from chargehand.actors.frozen import frozen
from chargehand.actors.limits import BODY_BYTES_MAX
from chargehand.web import access_log
from chargehand.web.exchange import Requests
from chargehand.web.problems import EdgeCode, edge_problem

READ_BYTES_MAX: Final = 65_536
_HEADERS_TOO_LARGE: Final = 431
LINGER_S: Final = 1.0  # a peer may go on sending this long after our last byte

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

    config: Config
    context: WorkerContext
    app: AppWrapper
    bounds: Bounds

    def became_idle(self, connection: "Connection") -> None:
        """No request is under way on `connection`."""

    def became_busy(self, connection: "Connection") -> None:
        """A request came in on `connection`."""


@final
class _Stream(HTTPStream):
    """One request and its answer; hypercorn's, but with one line in the access log for each.

    Theirs writes "no answer" as soon as the peer is gone, and a line for the answer after it, if
    the peer hung up right behind the last byte.
    """

    async def handle(self, event: StreamEvent) -> None:
        if not isinstance(event, StreamClosed):
            await super().handle(event)
        elif not self.closed:
            self.closed = True
            if self.state is not ASGIHTTPState.CLOSED:  # else it is answered, and may end in peace
                await self.app_put({"type": "http.disconnect"})

    async def app_send(self, message: ASGISendEvent | None) -> None:
        await super().app_send(message)
        if message is None and self.state is not ASGIHTTPState.CLOSED:
            begun = self.state is not ASGIHTTPState.REQUEST
            status = self.response["status"] if begun else None
            access_log.tell(self.scope, status, time() - self.start_time)
            if self.closed:  # nobody is there to be answered, nor for what came behind it
                await self.send(StreamClosed(stream_id=self.stream_id))


def _declared_length(request: h11.Request) -> int:
    """The Content-Length, which h11 has checked, or 0."""
    return next((int(value) for name, value in request.headers if name == b"content-length"), 0)


@final
class _Pause:
    """Stands for hypercorn's event for going on with what came behind a request, once that is
    answered. Who waits for it listens to the peer meanwhile, or a hang-up would go unnoticed."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._is_over = False
        self._listening: trio.CancelScope | None = None

    def is_set(self) -> bool:
        return self._is_over

    async def clear(self) -> None:
        self._is_over = False

    async def set(self) -> None:
        self._is_over = True
        if self._listening is not None:
            self._listening.cancel()

    async def wait(self) -> None:
        while not self._is_over:
            with trio.CancelScope() as self._listening:
                await self._connection.listen_ahead()
        self._listening = None


@final
class _Http1(H11Protocol):
    """HTTP/1.1 and nothing else: what would switch protocols is answered as plain HTTP."""

    def __init__(
        self, connection: "Connection", owner: ConnectionOwner, requests: Requests
    ) -> None:
        super().__init__(
            owner.app,
            owner.config,
            owner.context,
            requests,
            ConnectionState({}),
            False,
            connection.client,
            connection.server,
            connection.send,
        )
        self._connection = connection
        self.can_read = _Pause(connection)

    async def peer_is_gone(self) -> None:
        """End the request that is under way, if it ends with its client."""
        await self._close_stream()

    async def stream_send(self, event: StreamEvent) -> None:
        # Headers wait for the first bytes of a body that is known to follow: one system call, and
        # one wake-up of the peer, where there were two.
        if isinstance(event, Response) and any(n == b"content-length" for n, _ in event.headers):
            self._connection.hold_next()
        await super().stream_send(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        pass

    async def _create_stream(self, request: h11.Request) -> None:
        if (
            isinstance(self.connection, h11.Connection)
            and _declared_length(request) > BODY_BYTES_MAX
        ):
            # It is refused by the guard; "100 Continue" would first ask for what nobody reads.
            self.connection.client_is_waiting_for_100_continue = False
        self.stream = _Stream(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode("ascii"),
                method=request.method.decode("ascii").upper(),
                raw_path=request.target,
                state=self.connection_state,
            )
        )

    async def _send_error_response(self, status_code: int) -> None:
        # Whatever h11 proposes (400, 431, 501), the contract knows 400 alone.
        if status_code == _HEADERS_TOO_LARGE:
            told = edge_problem(
                EdgeCode.HEADERS_TOO_LARGE,
                f"the headers have more than {self.config.h11_max_incomplete_size} bytes",
                "send fewer or shorter ones",
            )
        else:
            told = edge_problem(
                EdgeCode.MALFORMED,
                "the request is not well-formed HTTP/1.1",
                "send it with an HTTP/1.1 client",
            )
        body = told.body()
        await self._send_h11_event(
            h11.Response(
                status_code=EdgeCode.MALFORMED.status,
                headers=[
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(body)),
                    (b"connection", b"close"),
                    *self.config.response_headers("h11"),
                ],
            )
        )
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


@final
class Connection:
    """A peer. `run` returns when it is gone and its last request has ended.

    Between requests the peer has `idle_s`, for the headers of one `header_s`; a body's time is
    the guard's business. A write that is not taken within `write_s` ends the connection.
    """

    def __init__(self, stream: trio.SocketStream, owner: ConnectionOwner) -> None:
        self._stream = stream
        self._owner = owner
        self._socket = stream.socket
        self._reading = trio.CancelScope()
        self._writing: trio.CancelScope | None = None
        self._write_lock = trio.Lock()
        self._requests_scope: trio.CancelScope | None = None
        self._idle = False
        self._headers_begun = False
        self._held: bytes | None = None
        self._ahead = b""  # came behind a request, while that was answered
        self._hung_up = False
        self._hold_next = False
        self._ending = False  # our side is closed; what still comes is discarded
        self._broken = False
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None

    async def run(self) -> None:
        try:
            self.client = parse_socket_addr(self._socket.family, self._socket.getpeername())
            self.server = parse_socket_addr(self._socket.family, self._socket.getsockname())
            async with trio.open_nursery() as nursery:
                self._requests_scope = nursery.cancel_scope
                self._protocol = _Http1(self, self._owner, Requests(nursery))
                self._set_idle()
                with self._reading:
                    await self._read()
                await self._protocol.handle(Closed())
        except* OSError as errors:
            _log.debug("connection lost: %s", errors.exceptions[0])
        except* Exception:
            _log.exception("a connection failed")
        finally:
            self._owner.became_busy(self)
            self._socket.close()
            # It refers to this connection, and a cycle may wait for a full collection.
            vars(self).pop("_protocol", None)

    def close_idle(self) -> bool:
        """Close it if no request is under way; True if so."""
        if self._idle:
            self._reading.cancel()
        return self._idle

    def abort(self) -> None:
        """Close it now, whatever the peer or the application is doing."""
        self._reading.cancel()
        if self._writing is not None:
            self._writing.cancel()
        if self._requests_scope is not None:
            self._requests_scope.cancel()

    def hold_next(self) -> None:
        """Keep the next bytes back until others follow."""
        self._hold_next = True

    async def listen_ahead(self) -> None:
        """Receive what comes behind the request that is being answered, to a bound."""
        if self._hung_up or len(self._ahead) >= READ_BYTES_MAX:
            await trio.sleep_forever()
        data = await self._from_peer()
        self._ahead += data
        if not data:
            self._hung_up = True
            await self._protocol.peer_is_gone()

    async def send(self, event: Event) -> None:
        """What the protocol says: bytes to write, the end, or whether a request is under way."""
        match event:
            case RawData(data=data):
                await self._write(data)
            case Updated(idle=True):
                self._set_idle()
            case Updated():
                self._idle = self._headers_begun = False
                self._reading.deadline = math.inf
                self._owner.became_busy(self)
            case Closed():
                self._end()
                if self._hung_up:
                    self._reading.cancel()
                await self._protocol.handle(Closed())
            case _:
                raise AssertionError(f"unknown event {event!r}")

    def _set_idle(self) -> None:
        self._idle = True
        self._headers_begun = False
        self._reading.deadline = trio.current_time() + self._owner.bounds.idle_s
        self._owner.became_idle(self)

    def _end(self) -> None:
        """Say that no more will come. Closing with bytes unread would reset the connection, and
        the peer might never see the answer; so it has a moment to finish or hang up."""
        if self._ending:
            return
        self._ending = True
        self._idle = False
        self._owner.became_busy(self)
        self._reading.deadline = trio.current_time() + LINGER_S
        try:
            self._socket.shutdown(stdlib_socket.SHUT_WR)
        except OSError:
            self._reading.cancel()

    async def _read(self) -> None:
        while data := await self._receive():
            if self._ending:
                continue
            if self._idle and not self._headers_begun:
                self._headers_begun = True
                self._reading.deadline = trio.current_time() + self._owner.bounds.header_s
            await self._protocol.handle(RawData(data))
        if not self._ending:
            await self._protocol.handle(RawData(b""))

    async def _receive(self) -> bytes:
        if self._ahead or self._hung_up:
            data, self._ahead = self._ahead, b""
            return data
        return await self._from_peer()

    async def _from_peer(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(READ_BYTES_MAX))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    async def _write(self, data: bytes) -> None:
        if self._hold_next:
            self._hold_next = False
            self._held = data
            return
        if self._held is not None:
            data, self._held = self._held + data, None
        if not data:
            return
        if self._broken:
            await trio.lowlevel.checkpoint()  # an application that only sends must hear of its end
            return
        try:
            self._write_lock.acquire_nowait()  # the waiting form costs a turn of the run loop
        except trio.WouldBlock:
            await self._write_lock.acquire()
        try:
            # Half a frame must never be followed by another, so nothing else ends a write.
            deadline = trio.current_time() + self._owner.bounds.write_s
            with trio.CancelScope(shield=True, deadline=deadline) as self._writing:
                await self._stream.send_all(data)
            self._broken = self._writing.cancelled_caught
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._broken = True
        finally:
            self._writing = None
            self._write_lock.release()
        if self._broken:
            self._reading.cancel()
