"""The runs that may be claimed, and which one first for whom.

`matches` and `rank` say it run by run. `ClaimableIndex` gives the same answer for a million runs
without looking at them: runs that demand the same form a class, classes stand on shelves by
workspace, channel, owner and agent, and a claim looks only at the heads of the few classes on its
own shelves. Pause, approval and dependencies are not asked here: a run is in the index exactly
while they let it be claimed.
"""

from collections.abc import Iterable, Iterator
from typing import final

from chargehand.actors.scheduler.run_classes import Rank, RunClass, Shelf
from chargehand.actors.task.eligibility import Claimer, Demands, QueuedRun
from chargehand.actors.task.state import OwnerKind


def rank(run: QueuedRun, claimer: Claimer) -> Rank:
    """Sort key, smallest first: weight, preferred selectors held, age, run id."""
    held = len(run.demands.preferred_capabilities & claimer.selectors)
    return (run.weight, -held, run.queue_order, run.run_id, run)


# Plain tuples, not named ones: several are made for each claim. None: every channel, every agent.
_Owner = tuple[str, str]  # kind and reference, or nobody
_Shelf = tuple[str | None, str | None, _Owner, str | None]  # workspace, channel, owner, agent
_Selection = tuple[frozenset[str], frozenset[str]]  # capabilities required and preferred
_Class = tuple[str | None, str | None, _Owner, frozenset[str] | None, _Selection]  # allowed agents

_NOBODY: _Owner = ("", "")
_POOL = OwnerKind.POOL.value
_SESSION = OwnerKind.AGENT_SESSION.value


def _classes_of(demands: Demands) -> Iterator[_Class]:
    """Where a run stands: among all of its scope, and once more among those of its channel.
    Nowhere, if its owner is no agent."""
    if demands.owner is None:
        owner = _NOBODY
    elif demands.owner.kind is OwnerKind.POOL:
        owner = (_POOL, demands.owner.ref)
    elif demands.owner.kind is OwnerKind.AGENT_SESSION:
        owner = (_SESSION, demands.owner.ref)
    else:
        return
    selection = (demands.required_capabilities, demands.preferred_capabilities)
    yield (demands.workspace_id, None, owner, demands.allowed_agents, selection)
    if demands.channel is not None:
        yield (demands.workspace_id, demands.channel, owner, demands.allowed_agents, selection)


def _shelves_of_class(key: _Class) -> Iterator[_Shelf]:
    """One for all agents, or one for each that is allowed."""
    workspace_id, channel, owner, allowed_agents, _ = key
    for agent_name in (None,) if allowed_agents is None else allowed_agents:
        yield (workspace_id, channel, owner, agent_name)


def _shelves_of_claimer(claimer: Claimer) -> Iterator[_Shelf]:
    """Where a claimer looks."""
    agent_name = claimer.agent_name
    for owner in (_NOBODY, (_POOL, agent_name), (_SESSION, claimer.session_id)):
        yield (claimer.workspace_id, claimer.channel, owner, None)
        yield (claimer.workspace_id, claimer.channel, owner, agent_name)


IDLE_CLASSES_MAX = 256
"""So many classes without runs are kept ready at least, as work of the same kind tends to come
again: to make one costs as much as a claim."""


@final
class ClaimableIndex:
    """The claimable runs, one of a task at most. A claim costs six look-ups and the heads of the
    classes it may have."""

    def __init__(self) -> None:
        self.runs: dict[str, QueuedRun] = {}  # by task; for reading
        self._classes: dict[_Class, RunClass] = {}
        self._shelves: dict[_Shelf, Shelf] = {}
        self._idle = 0  # classes without a run

    def __len__(self) -> int:
        return len(self.runs)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self.runs

    @property
    def class_count(self) -> int:
        """Classes in memory, some without runs too (see `IDLE_CLASSES_MAX`)."""
        return len(self._classes)

    def get(self, task_id: str) -> QueuedRun | None:
        return self.runs.get(task_id)

    def restore(self, runs: Iterable[QueuedRun]) -> None:
        """Make many runs claimable while there is none."""
        alike: dict[int, list[QueuedRun]] = {}  # as many share their demands
        for run in runs:
            self.runs[run.task_id] = run
            demands = id(run.demands)
            if demands in alike:
                alike[demands].append(run)
            else:
                alike[demands] = [run]
        by_class: dict[_Class, list[QueuedRun]] = {}
        for some in alike.values():
            for key in _classes_of(some[0].demands):
                by_class.setdefault(key, []).extend(some)
        for key, members in by_class.items():
            self._open(key).restore(members)

    def add(self, run: QueuedRun) -> None:
        """Make a run claimable, in place of that of the same task. A run whose owner is no agent
        is held too, but handed to nobody."""
        self.discard(run.task_id)
        self.runs[run.task_id] = run
        for key in _classes_of(run.demands):
            run_class = self._classes.get(key)
            if run_class is None:
                run_class = self._open(key)
            elif not run_class:
                self._idle -= 1
            run_class.add(run)

    def discard(self, task_id: str) -> QueuedRun | None:
        """Take a task's run out; None if it is not here."""
        run = self.runs.pop(task_id, None)
        if run is None:
            return None
        for key in _classes_of(run.demands):
            run_class = self._classes[key]
            run_class.discard(run)
            if not run_class:
                self._idle += 1
        if self._idle > IDLE_CLASSES_MAX and 2 * self._idle > len(self._classes):
            self._close_idle()
        return run

    def best(self, claimer: Claimer) -> QueuedRun | None:
        """Of all runs that match the claimer, the first by `rank`; it is not taken out."""
        best: Rank | None = None
        for key in _shelves_of_claimer(claimer):
            shelf = self._shelves.get(key)
            if shelf is None:
                continue
            found = shelf.best(claimer.selectors, claimer.priority_min)
            if found is not None and (best is None or found < best):
                best = found
        return None if best is None else best[-1]

    def _is_live(self, run: QueuedRun) -> bool:
        return self.runs.get(run.task_id) is run

    def _open(self, key: _Class) -> RunClass:
        shelves = [self._shelves.setdefault(where, Shelf()) for where in _shelves_of_class(key)]
        required, preferred = key[-1]
        # The crowd of one shelf is hint enough: a poor anchor costs time, never a wrong answer.
        anchor = shelves[0].anchor_for(required) if shelves else None
        run_class = RunClass(required, preferred, anchor, self._is_live)
        for shelf in shelves:
            shelf.admit(run_class)
        self._classes[key] = run_class
        return run_class

    def _close_idle(self) -> None:
        for key, run_class in list(self._classes.items()):
            if run_class:
                continue
            del self._classes[key]
            for where in _shelves_of_class(key):
                shelf = self._shelves[where]
                shelf.remove(run_class)
                if not shelf:
                    del self._shelves[where]
        self._idle = 0
