"""A scheduler inside the caller's Trio program."""

import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Final

import trio

from chargehand.actors.clock import TimeSource, VirtualTime
from chargehand.actors.lifecycle import run_system
from chargehand.actors.ports import StorageError
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.opening import memory_journal, open_journal
from chargehand.web.agents.errors import OpenError
from chargehand.web.agents.local import LocalSystem
from chargehand.web.exits import Fatal
from chargehand.web.listeners import Listeners, fronts
from chargehand.web.server import Front, stop_fronts
from chargehand.web.settings import ServerSettings, check_exposure
from chargehand.web.sockets import listen_tcp, listen_unix

_FLUSH_S: Final = 3.0  # for answers under way when the block is left
_MIB: Final = 1024 * 1024


@asynccontextmanager
async def open_system(
    data_dir: str | PathLike[str] | None,
    settings: Settings | None = None,
    *,
    serve_http: str | None = None,
    socket: str | PathLike[str] | None = None,
    token: str | None = None,
    map_mib: int = 1024,
) -> AsyncGenerator[LocalSystem, None]:
    """Run a scheduler in this program for as long as the block lasts.

    Everything that a call has answered is on disk, as with the server; webhooks are the server's
    alone. Where Trio runs with
    `clock=BootClock()`, leases count the time in which the host is suspended.

    Args:
        data_dir: directory of the store, made if it is missing; it belongs to one process at a
            time. None: nothing is kept, for tests.
        settings: of the scheduler.
        serve_http: HOST:PORT to serve the whole API at as well; port 0 picks a free one (see
            `LocalSystem.url`). Beyond this machine that takes a token.
        socket: path of a Unix socket to serve it at as well.
        token: what HTTP clients must send as a bearer token.
        map_mib: first size of the store's memory map, in MiB; it grows.

    Raises:
        OpenError: the directory is in use, damaged or not writable, or an address is taken.
        StorageError: (in a group) a write failed while the block ran. What was answered is on disk;
            nothing is written any more.
    """
    raised: BaseException | None = None
    try:
        async with AsyncExitStack() as stack:
            server = _server_settings(serve_http, socket, token)
            journal_of = partial(_journal, data_dir, map_mib)
            system, listeners = await _opened(
                stack, journal_of, settings, server, serves_http=serve_http is not None
            )
            async with _serving(fronts(system, server, listeners), system):
                try:
                    yield LocalSystem(system, listeners.url, listeners.unix_path)
                except BaseException as error:
                    raised = error
                    raise
    except BaseExceptionGroup as group:
        if raised is None or not _is_only(raised, group):
            raise
        context = raised.__context__
        try:  # what the block has raised, as if no nursery were around it
            raise raised
        finally:
            raised.__context__ = context


def _server_settings(
    serve_http: str | None, socket: str | PathLike[str] | None, token: str | None
) -> ServerSettings:
    try:
        server = ServerSettings(
            http=serve_http or "127.0.0.1:0",
            socket=None if socket is None else Path(socket),
            token=token,
        )
        check_exposure(server, "serve_http")
    except (Fatal, ValueError) as error:
        raise OpenError("bad_setting", str(error)) from error
    return server


async def _opened(
    stack: AsyncExitStack,
    journal_of: Callable[[], StoreJournal],
    settings: Settings | None,
    server: ServerSettings,
    *,
    serves_http: bool,
) -> tuple[System, Listeners]:
    """All that is open until the stack ends, the scheduler running."""
    tcp = unix = None
    try:
        if serves_http:
            tcp = stack.enter_context(closing(listen_tcp(*server.address)))
        journal = journal_of()
        stack.push_async_callback(_close, journal)  # also where the block ends with an error
        if server.socket is not None:  # behind the journal, whose lock keeps others away
            unix = stack.enter_context(closing(listen_unix(server.socket)))
            stack.callback(server.socket.unlink, missing_ok=True)
        running = run_system(journal, settings, time=_time())
        system = await stack.enter_async_context(running)
    except (Fatal, StorageError) as error:
        raise OpenError("cannot_open", str(error)) from error
    return system, Listeners(tcp, unix, server.socket)


def _journal(data_dir: str | PathLike[str] | None, map_mib: int) -> StoreJournal:
    if data_dir is None:
        return memory_journal()
    return open_journal(Path(data_dir), map_bytes=map_mib * _MIB)


async def _close(journal: StoreJournal) -> None:
    """Let go of the directory. Harmless where that was done."""
    with trio.CancelScope(shield=True), suppress(StorageError):  # of which others have told
        await journal.close()


def _time() -> TimeSource | None:
    """Under a mock clock all time is that clock's; else it is the system's."""
    testing = sys.modules.get("trio.testing")
    if testing is None or not isinstance(trio.lowlevel.current_clock(), testing.MockClock):
        return None
    return VirtualTime(time.time_ns())


@asynccontextmanager
async def _serving(running: Sequence[Front], system: System) -> AsyncGenerator[None, None]:
    async with trio.open_nursery() as nursery:
        for front in running:
            await nursery.start(front.run)
        yield
        for front in running:
            await front.stop_accepting()
        system.begin_stop()
        await stop_fronts([*running], _FLUSH_S)


def _is_only(leaf: BaseException, error: BaseException) -> bool:
    """Whether an error is that one, or a group of nothing else."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error is leaf
