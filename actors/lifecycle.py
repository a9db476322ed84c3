"""The life of a system: recover, run each part inside what it stands on, and stop in order."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from chargehand.actors import limits
from chargehand.actors.actor import Envelope
from chargehand.actors.bridges.bridge import Bridge
from chargehand.actors.clock import Clock, SystemTime, TimeSource, VirtualTime
from chargehand.actors.errors import write_failed
from chargehand.actors.faults import Why
from chargehand.actors.garbage import rare_collections
from chargehand.actors.identity import BOOT_RECOVERY
from chargehand.actors.ids import IdSource, RandomIds
from chargehand.actors.limits import NS
from chargehand.actors.ports import EndedError, Journal, StorageError
from chargehand.actors.recovery import Recovered, recover
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.head import (
    TRIAGED,
    Stored,
    id_of,
    last_seq_of,
    standing_in,
    stored_state,
)
from chargehand.actors.task.state import TaskState
from chargehand.actors.time_watch import behind_last_record_s

_log = logging.getLogger("chargehand")

FAILURE_GRACE_S = 1.0  # in which callers are still answered


@asynccontextmanager
async def run_system(
    journal: Journal,
    settings: Settings | None = None,
    *,
    ids: IdSource | None = None,
    wall_ns: int | None = None,
    time: TimeSource | None = None,
    bridges: Iterable[Bridge] = (),
) -> AsyncIterator[System]:
    """Recover, run, and stop in order: tasks and scheduler inside the journal's life.

    Args:
        journal: opened, not yet running.
        ids: source of ids; random by default.
        wall_ns: a time to start from that then runs with Trio's clock; for tests.
        time: what the clock is read from; the system's by default.
        bridges: the ways by which messages about the ends of tasks go out.

    Raises:
        StorageError: the journal is damaged, or a write failed (in a group).
    """
    with rare_collections() as all_is_made:
        found = recover(journal)
        settings = settings or Settings()
        source = time or (SystemTime() if wall_ns is None else VirtualTime(wall_ns))
        clock = Clock(source, steady_from_ns=found.steady_ns(settings.boot_grace_s))
        system = System(journal, settings, clock, ids or RandomIds(), bridges)
        _restore(system, found)
        system.replayed_records = found.replayed
        system.clock_behind_s = behind_last_record_s(clock, found.last_at_ns)
        del found
        journal.recovery.finished()
        all_is_made()
        async with _running(system):
            yield system


@asynccontextmanager
async def _running(system: System) -> AsyncIterator[None]:
    """Each part inside the life of what it stands on: tasks and scheduler inside the journal."""
    async with trio.open_nursery() as foundation:
        await foundation.start(_run_journal, system)
        async with trio.open_nursery() as workers:
            if system.clock.source.watched:
                await workers.start(system.time_watch.run)
            await workers.start(system.directory.run)
            await _resume_work(system)
            await workers.start(system.registry.run)
            await workers.start(system.scheduler.run)
            workers.start_soon(system.background.run)
            workers.start_soon(system.collector.run)
            workers.start_soon(system.review_deadlines.run)
            await workers.start(system.deliveries.run)
            workers.start_soon(system.checkpointer.run)
            workers.start_soon(system.retention.run)
            try:
                yield
            finally:
                system.begin_stop()
                workers.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await system.journal.close()
        system.outbox.end_waiting()


def _restore(system: System, found: Recovered) -> None:
    """Take over what a former process left; before anything runs."""
    for damage in found.aside.values():
        system.faults.set_aside(damage.address, Why.DAMAGED, damage.cause)
    acting = _restore_tasks(system, found)
    system.roster.restore(found.registry.values())
    system.registry.restore()
    system.switch.restore(found.scheduler)
    system.outbox.restore(found.outstanding.values())
    system.scheduler.restore(acting)
    system.views.restore_queue(acting)
    deleted = [state for state in found.tasks.values() if state.deleted]
    checkpoint_seq = found.replayed_from - 1 if found.replayed else system.journal.durable_seq
    system.views.restore_deletions(deleted, checkpoint_seq)
    for state in acting:
        system.review_deadlines.committed(state)
        system.deliveries.restore(state)


def _restore_tasks(system: System, found: Recovered) -> list[TaskState]:
    """Those that are left on which somebody may act in time, slim or whole."""
    whole = [stored_state(state) for state in found.tasks.values() if not state.deleted]
    living: list[Stored] = [*found.at_rest, *whole]
    found.at_rest.clear()
    former = [stored_state(state) for state in found.former.values() if not state.deleted]
    system._graph.tasks.restore([*living, *former], system.journal.reads.blockers)
    system.recovered_tasks = len(living)
    triaged = [task for task in living if standing_in(task) & TRIAGED]
    system.views.restore(
        living,
        map(id_of, whole),
        last_seq=max(map(last_seq_of, living), default=0),
        triaged_seq=max(map(last_seq_of, triaged), default=0),
    )
    return [state for state in found.acting() if not state.deleted]


async def _resume_work(system: System) -> None:
    """Go on where the former process stopped: effects, leases, ended sessions. Before anybody
    calls, so that no holder of a lease meets it as it was stored."""
    not_before_ns = system.clock.steady_ns() + int(system.settings.boot_grace_s * NS)
    for number, (task_id, run_id) in enumerate(system.scheduler.leased_runs()):
        if number % limits.SLICE_MAX == 0:
            await trio.lowlevel.checkpoint()
        command = c.ExtendLease(run_id, not_before_ns)
        system.directory.push(task_id, Envelope(command, BOOT_RECOVERY))
    system.outbox.resend()
    for bridge in system._bridges.unplaced():
        _log.warning(
            "bridge %s: its workspace %s is not registered yet", bridge.id, bridge.workspace
        )
    system.scheduler.release_ended_sessions()


async def _run_journal(
    system: System, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Write until closed. After a failed write: refuse for a moment, then end everything."""
    try:
        await system.journal.run(system.publisher.committed, task_status=task_status)
    except StorageError as error:
        system.availability.failure = str(error)
        failed = write_failed(error)
        system.publisher.failed(system.journal.unwritten(), failed)
        system.scheduler.end_waiting(failed)
        if isinstance(error, EndedError):
            _log.warning("the server writes no more, and answers nothing more: %s", error)
        else:
            _log.critical("storage has failed, the server ends: %s", error)
        await trio.sleep(FAILURE_GRACE_S)
        raise
