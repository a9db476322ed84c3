"""Which run may be claimed by whom, and which one first.

`matches` and `rank` say it run by run. `ClaimableIndex` gives the same answer for a million runs
without looking at them: runs that demand the same form a class, classes stand on shelves by
workspace, channel, owner and agent, and a claim looks only at the heads of the few classes on its
own shelves. Pause, approval and dependencies are not asked here: a run is in the index exactly
while they let it be claimed.
"""

from collections.abc import Callable, Iterator
from typing import final

from attrs import field, frozen

from actors.scheduler.run_classes import Place, Rank, RunClass, Shelf
from actors.task.state import Owner, OwnerKind


@final
@frozen(weakref_slot=False)
class ClaimableRun:
    """What a claimer must match, and the rank. Runs with equal demands should share their sets."""

    run_id: str
    task_id: str
    workspace_id: str | None  # None: a global task
    channel: str | None  # the run's coordination channel, None for global ones
    owner: Owner | None
    required_capabilities: frozenset[str]
    preferred_capabilities: frozenset[str]  # preferred agents too, as `agent_selector`
    allowed_agents: frozenset[str] | None  # None: any agent
    weight: int  # 10, 20, 30 or 40
    queued_at_ns: int
    place: Place = field(init=False, eq=False, repr=False)

    @place.default
    def _place(self) -> Place:
        return (-self.weight, self.queued_at_ns, self.run_id)


@final
@frozen
class Claimer:
    """Who asks for work, and what for."""

    session_id: str
    agent_name: str
    workspace_id: str | None  # None: claims global tasks, and only those
    channel: str | None  # None: sees every run of its scope
    capabilities: frozenset[str]
    priority_min: int  # the smallest weight wanted
    selectors: frozenset[str] = field(init=False, eq=False, repr=False)

    @selectors.default
    def _selectors(self) -> frozenset[str]:
        """What preferences are compared with: the capabilities, and who it is."""
        return self.capabilities | {agent_selector(self.agent_name)}


def agent_selector(agent_name: str) -> str:
    """An agent among the capabilities that a run prefers. It is no capability: those hold no
    blanks, so nobody can claim to have it."""
    return f"agent {agent_name}"


def scope_fits(run: ClaimableRun, claimer: Claimer) -> bool:
    """The same workspace, or both global: a session of a workspace never claims a global task."""
    return run.workspace_id == claimer.workspace_id


def channel_fits(run: ClaimableRun, claimer: Claimer) -> bool:
    """A session with a channel claims only that channel's runs."""
    return claimer.channel is None or run.channel == claimer.channel


def priority_suffices(run: ClaimableRun, claimer: Claimer) -> bool:
    return run.weight >= claimer.priority_min


def capabilities_suffice(run: ClaimableRun, claimer: Claimer) -> bool:
    return run.required_capabilities <= claimer.capabilities


def agent_is_allowed(run: ClaimableRun, claimer: Claimer) -> bool:
    return run.allowed_agents is None or claimer.agent_name in run.allowed_agents


def owner_admits(run: ClaimableRun, claimer: Claimer) -> bool:
    """Nobody's run, the pool's of this agent, or this session's own."""
    if run.owner is None:
        return True
    match run.owner.kind:
        case OwnerKind.POOL:
            return run.owner.ref == claimer.agent_name
        case OwnerKind.AGENT_SESSION:
            return run.owner.ref == claimer.session_id
        case OwnerKind.HUMAN | OwnerKind.AUTOMATION | OwnerKind.EXTENSION | OwnerKind.NETWORK_PEER:
            return False


ELIGIBILITY: tuple[Callable[[ClaimableRun, Claimer], bool], ...] = (
    scope_fits,
    channel_fits,
    priority_suffices,
    capabilities_suffice,
    agent_is_allowed,
    owner_admits,
)


def matches(run: ClaimableRun, claimer: Claimer) -> bool:
    """Whether the claimer may have the run: every rule of `ELIGIBILITY` holds."""
    return all(rule(run, claimer) for rule in ELIGIBILITY)


def rank(run: ClaimableRun, claimer: Claimer) -> Rank:
    """Sort key, smallest first: weight, preferred selectors held, age, run id."""
    held = len(run.preferred_capabilities & claimer.selectors)
    return (-run.weight, -held, run.queued_at_ns, run.run_id)


# Plain tuples, not named ones: several are made for each claim. None: every channel, every agent.
_Owner = tuple[str, str]  # kind and reference, or nobody
_Shelf = tuple[str | None, str | None, _Owner, str | None]  # workspace, channel, owner, agent
_Demands = tuple[frozenset[str], frozenset[str]]  # capabilities required and preferred
_Class = tuple[str | None, str | None, _Owner, frozenset[str] | None, _Demands]  # allowed agents

_NOBODY: _Owner = ("", "")
_POOL = OwnerKind.POOL.value
_SESSION = OwnerKind.AGENT_SESSION.value


def _classes_of(run: ClaimableRun) -> Iterator[_Class]:
    """Where a run stands: among all of its scope, and once more among those of its channel.
    Nowhere, if its owner is no agent."""
    if run.owner is None:
        owner = _NOBODY
    elif run.owner.kind is OwnerKind.POOL:
        owner = (_POOL, run.owner.ref)
    elif run.owner.kind is OwnerKind.AGENT_SESSION:
        owner = (_SESSION, run.owner.ref)
    else:
        return
    demands = (run.required_capabilities, run.preferred_capabilities)
    yield (run.workspace_id, None, owner, run.allowed_agents, demands)
    if run.channel is not None:
        yield (run.workspace_id, run.channel, owner, run.allowed_agents, demands)


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
    """The claimable runs. A claim costs six look-ups and the heads of the classes it may have."""

    def __init__(self) -> None:
        self._runs: dict[str, ClaimableRun] = {}
        self._classes: dict[_Class, RunClass] = {}
        self._shelves: dict[_Shelf, Shelf] = {}
        self._idle = 0  # classes without a run

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    @property
    def class_count(self) -> int:
        """Classes in memory, some without runs too (see `IDLE_CLASSES_MAX`)."""
        return len(self._classes)

    def get(self, run_id: str) -> ClaimableRun | None:
        return self._runs.get(run_id)

    def add(self, run: ClaimableRun) -> None:
        """Make a run claimable, in place of one with the same id. A run whose owner is no agent
        is held too, but handed to nobody."""
        self.discard(run.run_id)
        self._runs[run.run_id] = run
        for key in _classes_of(run):
            run_class = self._classes.get(key)
            if run_class is None:
                run_class = self._open(key)
            elif not run_class:
                self._idle -= 1
            run_class.add(run.place)

    def discard(self, run_id: str) -> ClaimableRun | None:
        """Take a run out; None if it is not here."""
        run = self._runs.pop(run_id, None)
        if run is None:
            return None
        for key in _classes_of(run):
            run_class = self._classes[key]
            run_class.discard(run.place)
            if not run_class:
                self._idle += 1
        if self._idle > IDLE_CLASSES_MAX and 2 * self._idle > len(self._classes):
            self._close_idle()
        return run

    def best(self, claimer: Claimer) -> ClaimableRun | None:
        """Of all runs that match the claimer, the first by `rank`; it is not taken out."""
        best: Rank | None = None
        for key in _shelves_of_claimer(claimer):
            shelf = self._shelves.get(key)
            if shelf is None:
                continue
            found = shelf.best(claimer.selectors, claimer.priority_min)
            if found is not None and (best is None or found < best):
                best = found
        return None if best is None else self._runs[best[-1]]

    def _is_live(self, place: Place) -> bool:
        run = self._runs.get(place[-1])
        return run is not None and run.place is place

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
