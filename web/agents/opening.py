"""A scheduler inside the caller's Trio program."""

import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

import trio

from chargehand.actors.clock import TimeSource, VirtualTime
from chargehand.actors.lifecycle import run_system
from chargehand.actors.ports import StorageError
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.opening import memory_journal, open_journal
from chargehand.web.agents.errors import OpenError
from chargehand.web.agents.given import several
from chargehand.web.agents.local import LocalSystem, end_left_sessions
from chargehand.web.agents.webhooks import WebhookBridge, webhooks_of
from chargehand.web.bridges.on_demand import bridges_of
from chargehand.web.exits import Fatal
from chargehand.web.listeners import Listeners, fronts
from chargehand.web.server import Front, stop_fronts
from chargehand.web.settings import ServerSettings, check_exposure
from chargehand.web.sockets import listen_tcp, listen_unix

_FLUSH_S: Final = 3.0  # for answers under way when the block is left
_MIB: Final = 1024 * 1024
_FIELDS: Final = {
    "serve_http": "http",
    "serve_lane": "lane",
    "keep_alive_seconds": "keep_alive_s",
    "header_seconds": "header_s",
    "body_seconds": "body_s",
    "write_seconds": "write_s",
}
"""Arguments that the server's settings have under other names."""


@asynccontextmanager
async def open_system(
    data_dir: str | PathLike[str] | None,
    settings: Settings | None = None,
    *,
    serve_http: str | None = None,
    serve_lane: str | None = None,
    socket: str | PathLike[str] | None = None,
    token: str | None = None,
    allowed_hosts: Iterable[str] = (),
    allowed_origins: Iterable[str] = (),
    strict_requests: bool = False,
    bridges: Iterable[WebhookBridge] = (),
    max_connections: int | None = None,
    keep_alive_seconds: float | None = None,
    header_seconds: float | None = None,
    body_seconds: float | None = None,
    write_seconds: float | None = None,
    map_mib: int | None = None,
) -> AsyncGenerator[LocalSystem, None]:
    """Run a scheduler in this program for as long as the block lasts.

    When a call returns, what it did is on disk, as with a server. With an address, the program is a
    server as well, and takes the same settings as `chargehand serve`, with the same defaults. It
    has no start-up report, and leaves signals and logging to the program. Where Trio runs with
    `clock=BootClock()`, leases count the time in which the host is suspended.

    Runs that pools of this kind held when an earlier process was killed are back in the queue at
    once. Agents that came over HTTP keep theirs, and their leases.

    Args:
        data_dir: directory of the store, made if it is missing; it belongs to one process at a
            time. None: nothing is kept, for tests.
        settings: of the scheduler.
        serve_http: HOST:PORT at which the API is served; port 0 picks a free port (see
            `LocalSystem.url`). To listen on anything but a loopback address, set a token.
        serve_lane: loopback HOST:PORT of an agent lane: the same API, where the frequent operations
            of agents bypass the web framework (see `LocalSystem.lane_url`).
        socket: path of a Unix socket at which the API is served, as an agent lane.
        token: what TCP clients must send as a bearer token.
        allowed_hosts: further names, NAME or NAME:PORT, that a Host header may hold.
        allowed_origins: further origins, as `https://example.org`, whose pages may call.
        strict_requests: refuse unknown members and query parameters instead of ignoring them.
        bridges: where webhooks about the ends of tasks go.
        max_connections: open at a time, for each listener.
        keep_alive_seconds: that a connection may stay open unused.
        header_seconds, body_seconds: for a request's headers, and its body, to arrive.
        write_seconds: for a client to take one piece of an answer or stream.
        map_mib: first size of the store's memory map, in MiB; it grows.

    Raises:
        OpenError: the directory is in use, damaged or not writable, an address is taken, or an
            argument cannot be used.
        TypeError: `settings` or a bridge is of another type, or a list is one text.
        StorageError: (in a group) a write failed while the block ran. What was answered is on disk;
            nothing is written any more.
    """
    raised: BaseException | None = None
    try:
        async with AsyncExitStack() as stack:
            if settings is not None and not isinstance(settings, Settings):
                raise TypeError(f"settings must be a Settings, not {settings!r}")
            server = _server_settings(
                {
                    "serve_http": serve_http,
                    "serve_lane": serve_lane,
                    "socket": None if socket is None else Path(socket),
                    "token": token,
                    "allowed_hosts": several("allowed_hosts", allowed_hosts),
                    "allowed_origins": several("allowed_origins", allowed_origins),
                    "strict_requests": strict_requests,
                    "max_connections": max_connections,
                    "keep_alive_seconds": keep_alive_seconds,
                    "header_seconds": header_seconds,
                    "body_seconds": body_seconds,
                    "write_seconds": write_seconds,
                    "map_mib": map_mib,
                }
            )
            system, listeners = await _opened(
                stack,
                partial(_journal, data_dir, server.map_mib),
                settings,
                server,
                bridges,
                serves_http=serve_http is not None,
            )
            async with _serving(fronts(system, server, listeners), system):
                try:
                    yield LocalSystem(system, listeners)
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


def _server_settings(given: Mapping[str, Any]) -> ServerSettings:
    """Args: given: by the names of the arguments; None: as it is by default.

    Raises:
        OpenError: one of them cannot be used, and the message names it.
    """
    values = {}
    for argument, value in given.items():
        if value is None:
            continue
        field = _FIELDS.get(argument, argument)
        values[field] = value
        try:
            ServerSettings(**{field: value})  # alone, so that an error names it
        except ValueError as error:
            text = str(error)
            if text.lstrip("'").startswith(f"{field} ") or text.startswith(f"'{field}'"):
                text = text.replace(field, argument, 1)
            else:
                text = f"{argument}: {text}"
            raise OpenError("bad_setting", text) from error
        except TypeError as error:
            raise OpenError("bad_setting", f"{argument} cannot be {value!r}") from error
    server = ServerSettings(**values)
    if given["serve_http"] is not None:
        try:
            check_exposure(server, "serve_http", "token=")
        except Fatal as error:
            raise OpenError("bad_setting", str(error)) from error
    return server


async def _opened(
    stack: AsyncExitStack,
    journal_of: Callable[[], StoreJournal],
    settings: Settings | None,
    server: ServerSettings,
    bridges: Iterable[WebhookBridge],
    *,
    serves_http: bool,
) -> tuple[System, Listeners]:
    """All that is open until the stack ends, the scheduler running."""
    tcp = unix = lane = None
    try:
        webhooks = webhooks_of(bridges)
        if serves_http:
            tcp = stack.enter_context(
                closing(listen_tcp(*server.address, setting="serve_http={!r} (a free one)"))
            )
        if server.lane_address is not None:
            lane = listen_tcp(*server.lane_address, setting="serve_lane={!r} (a free one)")
            stack.enter_context(closing(lane))
        journal = journal_of()
        stack.push_async_callback(_close, journal)  # also where the block ends with an error
        if server.socket is not None:  # behind the journal, whose lock keeps others away
            unix = stack.enter_context(closing(listen_unix(server.socket, "socket=")))
            stack.callback(server.socket.unlink, missing_ok=True)
        opened = await stack.enter_async_context(bridges_of(webhooks))
        running = run_system(journal, settings, time=_time(), bridges=opened)
        system = await stack.enter_async_context(running)
        await end_left_sessions(system)
    except (Fatal, StorageError) as error:
        raise OpenError("cannot_open", str(error)) from error
    return system, Listeners(tcp, unix, server.socket, lane)


def _journal(data_dir: str | PathLike[str] | None, map_mib: int) -> StoreJournal:
    if data_dir is None:
        return memory_journal()
    return open_journal(Path(data_dir), map_bytes=map_mib * _MIB)


async def _close(journal: StoreJournal) -> None:
    """Let go of the directory. Harmless where that was done."""
    with trio.CancelScope(shield=True), suppress(StorageError):  # which others have raised
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
