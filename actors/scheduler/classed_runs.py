"""Claimable runs by what they demand: any number of them, of which a claim looks at few.

Runs that demand the same form a class, classes stand on shelves by workspace, owner and agent, and
a claim looks only at the heads of the few classes on its own shelves.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import final

from chargehand.actors.scheduler.run_classes import Rank, RunClass, Shelf
from chargehand.actors.task.eligibility import Claimer, Demands, QueuedRun
from chargehand.actors.task.state import OwnerKind

IDLE_CLASSES_MAX = 256
"""So many classes without runs are kept ready at least, as work of the same kind tends to come
again: to make one costs as much as a claim."""

# Plain tuples, not named ones: several are made for each claim. None: every agent.
_Owner = tuple[str, str]  # kind and reference, or nobody
_Shelf = tuple[str | None, _Owner, str | None]  # workspace, owner, agent
_Selection = tuple[frozenset[str], frozenset[str]]  # capabilities required and preferred
_Class = tuple[str | None, _Owner, frozenset[str] | None, _Selection]  # allowed agents

_NOBODY: _Owner = ("", "")
_POOL = OwnerKind.POOL.value
_SESSION = OwnerKind.AGENT_SESSION.value


def _class_of(demands: Demands) -> _Class | None:
    """None, if the owner is no agent: nobody is handed such a run."""
    if demands.owner is None:
        owner = _NOBODY
    elif demands.owner.kind is OwnerKind.POOL:
        owner = (_POOL, demands.owner.ref)
    elif demands.owner.kind is OwnerKind.AGENT_SESSION:
        owner = (_SESSION, demands.owner.ref)
    else:
        return None
    selection = (demands.required_capabilities, demands.preferred_capabilities)
    return (demands.workspace_id, owner, demands.allowed_agents, selection)


def _shelves_of_class(key: _Class) -> Iterator[_Shelf]:
    """One for all agents, or one for each that is allowed."""
    workspace_id, owner, allowed_agents, _ = key
    for agent_name in (None,) if allowed_agents is None else allowed_agents:
        yield (workspace_id, owner, agent_name)


def _shelves_of_claimer(claimer: Claimer) -> Iterator[_Shelf]:
    """Where a claimer looks."""
    agent_name = claimer.agent_name
    for owner in (_NOBODY, (_POOL, agent_name), (_SESSION, claimer.session_id)):
        yield (claimer.workspace_id, owner, None)
        yield (claimer.workspace_id, owner, agent_name)


@final
class ClassedRuns:
    """A claim costs six look-ups and the heads of the classes it may have.

    Args:
        is_live: denies a run from before it is discarded.
    """

    def __init__(self, is_live: Callable[[QueuedRun], bool]) -> None:
        self._is_live = is_live
        self._classes: dict[_Class, RunClass] = {}
        self._shelves: dict[_Shelf, Shelf] = {}
        self._idle = 0  # classes without a run

    @property
    def class_count(self) -> int:
        """Classes in memory, some without runs too (see `IDLE_CLASSES_MAX`)."""
        return len(self._classes)

    def restore(self, runs: Iterable[QueuedRun]) -> None:
        """Take in many while there is none."""
        alike: dict[int, list[QueuedRun]] = {}  # as many share their demands
        for run in runs:
            demands = id(run.demands)
            if demands in alike:
                alike[demands].append(run)
            else:
                alike[demands] = [run]
        by_class: dict[_Class, list[QueuedRun]] = {}
        for some in alike.values():
            key = _class_of(some[0].demands)
            if key is not None:
                by_class.setdefault(key, []).extend(some)
        for key, members in by_class.items():
            self._open(key).restore(members)

    def add(self, run: QueuedRun) -> None:
        key = _class_of(run.demands)
        if key is None:
            return
        run_class = self._classes.get(key)
        if run_class is None:
            run_class = self._open(key)
        elif not run_class:
            self._idle -= 1
        run_class.add(run)

    def discard(self, run: QueuedRun) -> None:
        """Take out one that is here."""
        key = _class_of(run.demands)
        if key is None:
            return
        run_class = self._classes[key]
        run_class.discard(run)
        if not run_class:
            self._idle += 1
            if self._idle > IDLE_CLASSES_MAX and 2 * self._idle > len(self._classes):
                self._close_idle()

    def best(self, claimer: Claimer) -> QueuedRun | None:
        """The first by `rank` of those that match the claimer; its channel is not asked."""
        best: Rank | None = None
        for key in _shelves_of_claimer(claimer):
            shelf = self._shelves.get(key)
            if shelf is None:
                continue
            found = shelf.best(claimer.selectors, claimer.priority_min)
            if found is not None and (best is None or found < best):
                best = found
        return None if best is None else best[-1]

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
