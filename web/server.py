"""A listening socket with its application: accepts, bounds the number of peers, and stops."""

import logging
import socket as stdlib_socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import final

import trio

from chargehand.web.connection import Bounds, Connection
from chargehand.web.exchange import Answerer
from chargehand.web.h11_parser import H11Parser
from chargehand.web.parsing import ParserFactory

_log = logging.getLogger("chargehand.http")


@final
class Front:
    """One listener and the connections it accepted.

    Args:
        listener: bound and listening; closed by `stop_accepting`.
        answer: answers each request, the guard included.
        lifespan: entered before the first connection, left behind the last one.
        bounds: how long a peer may take.
        connections_max: with this many open, the longest idle one makes room for a new one; with
            all of them busy the new one is closed at once.
    """

    def __init__(
        self,
        listener: stdlib_socket.socket,
        answer: Answerer,
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
        bounds: Bounds,
        connections_max: int,
        make_parser: ParserFactory = H11Parser,
    ) -> None:
        listener.setblocking(False)
        self.answer = answer
        self.bounds = bounds
        self.make_parser = make_parser
        self.is_stopping = False
        self._lifespan = lifespan
        self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
        self._connections_max = connections_max
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # longest idle first
        self._accepting = trio.CancelScope()
        self._all_closed = trio.Event()

    @property
    def open_connections(self) -> int:
        return len(self._open)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop_accepting` was called and the last connection has ended."""
        async with self._lifespan(), trio.open_nursery() as connections:
            task_status.started()
            try:
                with self._accepting:
                    await trio.serve_listeners(
                        self._serve, [self._listener], handler_nursery=connections
                    )
            except trio.Cancelled:
                self.abort()  # a write under way is shielded, and would hold us
                raise
            if not self._open:
                self._all_closed.set()

    async def stop_accepting(self) -> None:
        """Close the listener and every idle connection; the others close after their answer."""
        self.is_stopping = True
        self._accepting.cancel()
        for connection in list(self._idle):
            connection.close_idle()

    async def wait_closed(self) -> None:
        """Wait until the last connection has ended; only after `stop_accepting`."""
        while self._open:
            self._all_closed = trio.Event()
            await self._all_closed.wait()

    def abort(self) -> None:
        """End every connection now."""
        for connection in self._open:
            connection.abort()

    def became_idle(self, connection: Connection) -> None:
        self._idle[connection] = None
        if self.is_stopping:
            connection.close_idle()

    def became_busy(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    async def _serve(self, stream: trio.SocketStream) -> None:
        # Reading and writing without a checkpoint of its own for each call is for plain sockets.
        socket = stdlib_socket.socket(fileno=stream.socket.detach())
        socket.setblocking(False)
        if len(self._open) >= self._connections_max and not self._make_room():
            _log.warning("closed a new connection: %d are busy", len(self._open))
            socket.close()
            return
        connection = Connection(socket, self)
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
            if not self._open:
                self._all_closed.set()

    def _make_room(self) -> bool:
        for connection in self._idle:
            self._idle.pop(connection)
            return connection.close_idle()
        return False


async def stop_fronts(fronts: list[Front], flush_s: float) -> None:
    """Give what is being answered `flush_s` seconds, then end every connection."""
    try:
        with trio.move_on_after(flush_s):
            for front in fronts:
                await front.wait_closed()
    finally:
        for front in fronts:
            front.abort()
