"""The server's process: puts the parts together, serves, and ends in order.

A stop (SIGTERM, SIGINT) closes the listeners, ends the streams, lets what is being answered
finish, and then closes the journal. A second signal ends the process at once; nothing that was
acknowledged is lost by that.
"""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib import import_module
from typing import Final, NoReturn

import trio

from chargehand.actors.boot_clock import BootClock
from chargehand.actors.lifecycle import run_system
from chargehand.actors.ports import DamagedError, StorageError
from chargehand.actors.system import System
from chargehand.persistence.lock import InUseError
from chargehand.persistence.opening import open_journal
from chargehand.web.bridges.on_demand import bridges_of
from chargehand.web.cluster.ended import superseded_by
from chargehand.web.cluster.needed import journal_address, needs_postgres
from chargehand.web.ending import end_at_once_on_a_second_signal, end_by_force_after
from chargehand.web.exits import ExitCode, Fatal, first_leaf
from chargehand.web.listeners import Listeners, fronts
from chargehand.web.reporting import write_report
from chargehand.web.server import Front, stop_fronts
from chargehand.web.settings import Configuration, ServerSettings
from chargehand.web.sockets import listen_tcp, listen_unix
from chargehand.web.version import program_version

FLUSH_S_MAX: Final = 3.0  # of the grace, for answers under way when a stop begins
_MIB: Final = 1024 * 1024

_log = logging.getLogger("chargehand")


async def serve(configuration: Configuration) -> None:
    """Serve until a signal comes.

    Raises:
        Fatal: it could not be started.
        StorageError: (in a group) a commit failed while running.
    """
    begun_s = time.monotonic()
    settings = configuration.server
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        tcp, lane = _listen(settings)
        started = False
        try:
            if settings.journal is not None:
                started = await _serve_shared(configuration, tcp, lane, signals)
                return
            journal = open_journal(settings.data_dir, map_bytes=settings.map_mib * _MIB)
            unix = listen_unix(settings.socket_path)
            listeners = Listeners(tcp, unix, settings.socket_path, lane)
            async with (
                bridges_of(configuration.bridges) as bridges,
                run_system(journal, configuration.core, bridges=bridges) as system,
            ):
                started = True
                await _serve_system(system, settings, listeners, begun_s, signals)
            _log.info("stopped")  # the journal is closed
        except DamagedError as error:
            raise Fatal(
                ExitCode.CANNOT_OPEN,
                f"{settings.data_dir} is damaged: {error}; nothing was changed: keep it, and start "
                "from a copy of it (the README's Durability says how); `chargehand verify` names "
                "all that is wrong",
            ) from error
        except InUseError as error:
            raise Fatal(
                ExitCode.CANNOT_OPEN,
                f"{error}; stop that one first, or choose another directory with --data-dir",
            ) from error
        except StorageError as error:
            raise Fatal(ExitCode.CANNOT_OPEN, str(error)) from error
        finally:
            if not started:
                tcp.close()
                if lane is not None:
                    lane.close()


async def _serve_shared(
    configuration: Configuration,
    tcp: socket.socket,
    lane: socket.socket | None,
    signals: AsyncIterator[int],
) -> bool:
    """As a node among others."""
    from chargehand.persistence.replicated.opening import (
        held_for_node,  # which a server alone goes without
    )

    node = needs_postgres(lambda: import_module("chargehand.web.cluster.process"))
    settings = configuration.server
    with held_for_node(settings.data_dir, map_bytes=settings.map_mib * _MIB):
        unix = listen_unix(settings.socket_path)
        listeners = Listeners(tcp, unix, settings.socket_path, lane)
        await node.serve_node(configuration, listeners, signals)
    _log.info("stopped")
    return True


def _listen(settings: ServerSettings) -> tuple[socket.socket, socket.socket | None]:
    """Both TCP listeners, or the one that there is. Raises: Fatal: an address is taken."""
    tcp = listen_tcp(*settings.address)
    if settings.lane_address is None:
        return tcp, None
    try:
        return tcp, listen_tcp(*settings.lane_address, setting="--lane {} (a free one)")
    except Fatal:
        tcp.close()
        raise


async def _serve_system(
    system: System,
    settings: ServerSettings,
    listeners: Listeners,
    begun_s: float,
    signals: AsyncIterator[int],
) -> None:
    running = fronts(system, settings, listeners)
    try:
        async with trio.open_nursery() as nursery:
            for front in running:
                await nursery.start(front.run)
            _report(system, settings, listeners, begun_s)
            caught = await anext(signals)
            _log.info("%s: stopping", signal.Signals(caught).name)
            end_at_once_on_a_second_signal()
            end_by_force_after(settings.grace_s, lambda: _code_of(system))
            await _stop(system, running, settings.grace_s)
    except BaseException:
        # A failed write ends everything from below; the same deadline holds.
        end_by_force_after(settings.grace_s, lambda: _code_of(system))
        raise
    finally:
        if listeners.unix_path is not None:
            listeners.unix_path.unlink(missing_ok=True)


async def _stop(system: System, running: list[Front], grace_s: float) -> None:
    for front in running:
        await front.stop_accepting()
    system.begin_stop()
    await stop_fronts(running, min(FLUSH_S_MAX, grace_s / 2))


def _code_of(system: System) -> ExitCode:
    return ExitCode.INTERNAL if system.failure is None else ExitCode.STORAGE_FAILED


def _report(system: System, settings: ServerSettings, listeners: Listeners, begun_s: float) -> None:
    """One line for people, one file for programs."""
    ready_ms = round((time.monotonic() - begun_s) * 1000)
    if settings.ready_file is not None:
        report = {
            "version": program_version(),
            "pid": os.getpid(),
            "http": listeners.url,
            "socket": str(listeners.unix_path),
            "data_dir": str(settings.data_dir),
            "epoch": system.journal.epoch,
            "tasks_recovered": system.recovered_tasks,
            "ready_ms": ready_ms,
        }
        if listeners.lane_url is not None:
            report["lane"] = listeners.lane_url
        if system.clock_behind_s:
            report["clock_behind_seconds"] = system.clock_behind_s
        write_report(settings.ready_file, report)
    lane = "" if listeners.lane_url is None else f", the agent lane at {listeners.lane_url}"
    print(
        f"chargehand {program_version()} serves {listeners.url}{lane} and {listeners.unix_path}, "
        f"data in {settings.data_dir} (epoch {system.journal.epoch}), "
        f"{_counted(system.recovered_tasks, 'task')} recovered, "
        f"ready in {ready_ms} ms{_behind(system.clock_behind_s)}",
        flush=True,
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _behind(seconds: int) -> str:
    """What to say of a clock that is behind the last record."""
    if not seconds:
        return ""
    return f"; the clock is {timedelta(seconds=seconds)} behind the last record, see the log"


def begin_anew(why: BaseException) -> NoReturn:
    """Replace the program by itself: nothing of what it knew may be answered any more."""
    _log.warning("%s; beginning anew as a standby", why)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def run(configuration: Configuration) -> None:
    """Serve until the process ends. Raises: Fatal: it ends otherwise than by a signal."""
    if configuration.server.journal is not None:
        journal_address(configuration.server.journal)
    try:
        trio.run(serve, configuration, clock=BootClock())
    except BaseExceptionGroup as group:
        fatal, _ = group.split(Fatal)
        if fatal is not None:
            raise first_leaf(fatal) from group
        superseded = superseded_by(group)
        if superseded is not None:
            begin_anew(superseded)
        failed, others = group.split(StorageError)
        if failed is None or others is not None:
            raise
        raise Fatal(ExitCode.STORAGE_FAILED, f"storage has failed: {first_leaf(failed)}") from group
