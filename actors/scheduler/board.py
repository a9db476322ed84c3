"""Where every open run stands: queued, claimable, active, or in need of attention.

Folded from committed tasks. One entry for each task with an open run, as a task has one at most.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import final

from attrs import define

from chargehand.actors.deadlines import Deadlines
from chargehand.actors.scheduler.claimable import ClaimableIndex
from chargehand.actors.scheduler.looks import Looks
from chargehand.actors.task.eligibility import QueuedRun, awaits_agent, queued_run
from chargehand.actors.task.state import Run, RunStatus, TaskState


@final
@define(eq=False)
class _Place:
    """An open run of a task that is not queued. All but id and status only while active.
    All deadlines of the board are on the steady scale.

    Args:
        holder_id: the session that it is freed with.
        counts: against the holder's lease limit; what was claimed without a lease does not.
    """

    run_id: str
    status: RunStatus
    holder_id: str | None
    counts: bool
    lease_end_ns: int | None
    claim_key: str | None


@final
class Board:
    """A queued run stands in `claimable`, or is kept back: by a pause, by what its task waits for,
    by an owner that is no agent, or as it is reserved for a claim.

    Args:
        paused_by: the nearest paused task on the way up from a task.
    """

    def __init__(self, paused_by: Callable[[str], str | None]) -> None:
        self._paused_by = paused_by
        self.claimable = ClaimableIndex()
        self._kept_back: dict[str, QueuedRun] = {}  # by task, like the following
        self._places: dict[str, _Place] = {}  # of all others
        self._by_session: dict[str, dict[str, str]] = {}  # session -> run -> task, active ones
        self._by_key: dict[tuple[str, str], str] = {}  # session and claim key -> task
        self.leases: Deadlines[tuple[str, str]] = Deadlines()  # (task, run)
        self.starving = Looks(self.queued)
        self.unleased: Deadlines[tuple[str, str]] = (
            Deadlines()
        )  # (task, run): at work, when to look
        self.starved: set[str] = set()  # runs found to have nobody who could claim them
        self.active_count = 0
        self.attention_count = 0

    @property
    def queued_count(self) -> int:
        return len(self.claimable) + len(self._kept_back)

    def queued(self, task_id: str) -> QueuedRun | None:
        """The task's run, if it is queued."""
        return self.claimable.runs.get(task_id) or self._kept_back.get(task_id)

    def restore(self, states: Iterable[TaskState], look_at_ns: int) -> None:
        """Start from stored tasks; those without an open run are passed over.

        Args:
            look_at_ns: as of `update`, for all of them.
        """
        claimable: list[QueuedRun] = []
        for state in states:
            run = None if state.deleted else state.open_run
            if run is None:
                continue
            if run.status is not RunStatus.QUEUED:
                self._enter(state.id, run, lambda _: look_at_ns)
                continue
            queued = queued_run(state, run)
            if run.starved_at_ns is not None:
                self.starved.add(run.id)  # reported before a restart, and not again
            if self._may_be_claimed(state, run):
                claimable.append(queued)
            else:
                self._kept_back[state.id] = queued
        self.claimable.restore(claimable)
        self.starving.restore([*claimable, *self._kept_back.values()], look_at_ns)

    def update(self, state: TaskState, look_at_ns: Callable[[Run], int]) -> QueuedRun | None:
        """Take in a task's committed state; a run that became claimable by it is returned.

        Args:
            look_at_ns: from when on a queued run may be starving, or one at work without a lease
                be neglected.
        """
        task_id = state.id
        run = None if state.deleted else state.open_run
        place = self._places.get(task_id)
        if run is not None and run.status is RunStatus.QUEUED:
            if place is not None:
                self._leave(task_id, place)
            return self._update_queued(state, run, look_at_ns)
        if place is None:
            queued = self.queued(task_id)
            if queued is not None:
                self._dequeue(queued)
        else:
            if run is not None and place.run_id == run.id and _is_held_as(run, place):
                if run.lease_end_ns != place.lease_end_ns:
                    place.lease_end_ns = run.lease_end_ns
                    self._set_lease(task_id, run)
                return None
            self._leave(task_id, place)
        if run is not None:
            self._enter(task_id, run, look_at_ns)
        return None

    def _update_queued(
        self, state: TaskState, run: Run, look_at_ns: Callable[[Run], int]
    ) -> QueuedRun | None:
        """Pause, approval and dependencies decide here and in `restore`, and only there, who is in
        the index."""
        task_id = state.id
        found, former = queued_run(state, run), self.queued(task_id)
        may_be_claimed = self._may_be_claimed(state, run)
        if former is not None and found == former:
            if not may_be_claimed:
                self.keep_back(former)
                return None
            if self._kept_back.pop(task_id, None) is None:
                return None  # it is in the index
            self.claimable.add(former)
            return former
        starves = run.starved_at_ns is not None  # reported before, and not again
        if former is not None:
            if former.run_id == run.id:
                starves = run.id in self.starved
            self._dequeue(former)
        if starves:
            self.starved.add(run.id)
        self.starving.put(found, look_at_ns(run))
        if not may_be_claimed:
            self._kept_back[task_id] = found
            return None
        self.claimable.add(found)
        return found

    def keep_back(self, run: QueuedRun) -> None:
        """Let nobody claim a queued run for now."""
        if self.claimable.discard(run.task_id) is not None:
            self._kept_back[run.task_id] = run

    def _may_be_claimed(self, state: TaskState, run: Run) -> bool:
        return awaits_agent(state, run) and self._paused_by(state.id) is None

    def _dequeue(self, run: QueuedRun) -> None:
        if self._kept_back.pop(run.task_id, None) is None:
            self.claimable.discard(run.task_id)
        self.starved.discard(run.run_id)
        self.starving.gone()

    def _enter(self, task_id: str, run: Run, look_at_ns: Callable[[Run], int]) -> None:
        holder_id = run.holder_session_id
        self._places[task_id] = _Place(
            run.id,
            run.status,
            holder_id,
            run.session_id is not None,
            run.lease_end_ns,
            run.claim_key,
        )
        if run.status is RunStatus.NEEDS_ATTENTION:
            self.attention_count += 1
        else:
            self.active_count += 1
            self._set_lease(task_id, run)
            if run.lease_end_ns is None:
                self.unleased.set((task_id, run.id), look_at_ns(run))
            if holder_id is not None:
                self._by_session.setdefault(holder_id, {})[run.id] = task_id
                if run.claim_key is not None:
                    self._by_key[holder_id, run.claim_key] = task_id

    def _set_lease(self, task_id: str, run: Run) -> None:
        if run.lease_end_ns is None:
            self.leases.discard((task_id, run.id))
        else:
            self.leases.set((task_id, run.id), run.lease_end_ns)

    def _leave(self, task_id: str, place: _Place) -> None:
        del self._places[task_id]
        if place.status is RunStatus.NEEDS_ATTENTION:
            self.attention_count -= 1
            return
        self.active_count -= 1
        self.leases.discard((task_id, place.run_id))
        self.unleased.discard((task_id, place.run_id))
        if place.holder_id is not None:
            runs = self._by_session[place.holder_id]
            del runs[place.run_id]
            if not runs:
                del self._by_session[place.holder_id]
            if place.claim_key is not None:
                key = (place.holder_id, place.claim_key)
                if self._by_key.get(key) == task_id:  # else a later claim has the key
                    del self._by_key[key]

    def leave(self, task_id: str) -> None:
        """The task is set aside: forget where its run stands."""
        queued, place = self.queued(task_id), self._places.get(task_id)
        if queued is not None:
            self._dequeue(queued)
        elif place is not None:
            self._leave(task_id, place)

    # --- questions ------------------------------------------------------------------------------

    def held_by(self, session_id: str) -> int:
        """Runs that count against the session: attached ones and leases. A lease counts until its
        end is on disk, as a renewal may be on its way there. What the session has claimed without
        a lease does not count: nobody asked it to have room for that."""
        places = self._places
        return sum(places[task_id].counts for _, task_id in self._held_by(session_id))

    def lapsed_lease(self, session_id: str, now_ns: int) -> tuple[str, str] | None:
        """A lease of the session whose end, as far as is on disk, has come: (task, run)."""
        for run_id, task_id in self._held_by(session_id):
            until_ns = self._places[task_id].lease_end_ns
            if until_ns is not None and until_ns <= now_ns:
                return task_id, run_id
        return None

    def _held_by(self, session_id: str) -> Iterable[tuple[str, str]]:
        return self._by_session.get(session_id, {}).items()

    def runs_of(self, session_id: str) -> list[tuple[str, str]]:
        """The active runs that the session holds: (task, run)."""
        return [(task_id, run_id) for run_id, task_id in self._held_by(session_id)]

    def keyed_claim(self, session_id: str, key: str) -> tuple[str, str] | None:
        """The active run that a claim with this key got: (task, run)."""
        task_id = self._by_key.get((session_id, key))
        return None if task_id is None else (task_id, self._places[task_id].run_id)

    def leased_runs(self) -> list[tuple[str, str]]:
        """All runs under a lease: (task, run)."""
        return [
            (task_id, place.run_id)
            for task_id, place in self._places.items()
            if place.lease_end_ns is not None
        ]

    def active_tasks(self, most: int) -> tuple[str, ...]:
        """Some tasks whose runs are at work, under a lease or without."""
        active = (*self.leases.keys(), *self.unleased.keys())
        return tuple(islice(dict.fromkeys(task_id for task_id, _ in active), most))

    def active_sessions(self) -> list[str]:
        return list(self._by_session)


def _is_held_as(run: Run, place: _Place) -> bool:
    """Whether its status and its session are still those that the board knows, and by the same
    right."""
    is_bound = run.session_id is not None
    return (
        place.status is run.status
        and place.holder_id == run.holder_session_id
        and place.counts == is_bound
    )
