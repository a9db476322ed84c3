"""Which run may be claimed by whom, and which one first.

`matches` and `rank` say it run by run. `ClaimableIndex` gives the same answer for a million runs
without looking at them: runs that demand the same form a class, classes stand on shelves by
workspace, channel, owner and agent, and a claim looks only at the heads of the few classes on its
own shelves. Pause, approval and dependencies are not asked here: a run is in the index exactly
while they let it be claimed.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, final

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
    preferred_capabilities: frozenset[str]
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
    """Sort key, smallest first: weight, preferred capabilities held, age, run id."""
    held = len(run.preferred_capabilities & claimer.capabilities)
    return (-run.weight, -held, run.queued_at_ns, run.run_id)


_OwnerKey = tuple[str, str]
_NOBODY: _OwnerKey = ("", "")


class _ShelfKey(NamedTuple):
    workspace_id: str | None
    channel: str | None  # None: every channel
    owner: _OwnerKey
    agent_name: str | None  # None: every agent


class _ClassKey(NamedTuple):
    workspace_id: str | None
    channel: str | None  # None: every channel
    owner: _OwnerKey
    allowed_agents: frozenset[str] | None
    required: frozenset[str]
    preferred: frozenset[str]

    def shelves(self) -> Iterator[_ShelfKey]:
        agents = (None,) if self.allowed_agents is None else sorted(self.allowed_agents)
        for agent_name in agents:
            yield _ShelfKey(self.workspace_id, self.channel, self.owner, agent_name)


def _class_keys(run: ClaimableRun) -> Iterator[_ClassKey]:
    """Where a run stands: among all of its scope, and once more among those of its channel.
    Nowhere, if its owner is no agent."""
    if run.owner is None:
        owner = _NOBODY
    elif run.owner.kind in (OwnerKind.POOL, OwnerKind.AGENT_SESSION):
        owner = (run.owner.kind.value, run.owner.ref)
    else:
        return
    for channel in (None,) if run.channel is None else (None, run.channel):
        yield _ClassKey(
            run.workspace_id,
            channel,
            owner,
            run.allowed_agents,
            run.required_capabilities,
            run.preferred_capabilities,
        )


def _shelf_keys(claimer: Claimer) -> Iterator[_ShelfKey]:
    """Where a claimer looks."""
    for owner in (
        _NOBODY,
        (OwnerKind.POOL.value, claimer.agent_name),
        (OwnerKind.AGENT_SESSION.value, claimer.session_id),
    ):
        for agent_name in (None, claimer.agent_name):
            yield _ShelfKey(claimer.workspace_id, claimer.channel, owner, agent_name)


@final
class ClaimableIndex:
    """The claimable runs. A claim costs six look-ups and the heads of the classes it may have."""

    def __init__(self) -> None:
        self._runs: dict[str, ClaimableRun] = {}
        self._classes: dict[_ClassKey, RunClass] = {}
        self._shelves: dict[_ShelfKey, Shelf] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    @property
    def class_count(self) -> int:
        """Classes in memory; those without runs are dropped."""
        return len(self._classes)

    def get(self, run_id: str) -> ClaimableRun | None:
        return self._runs.get(run_id)

    def add(self, run: ClaimableRun) -> None:
        """Make a run claimable, in place of one with the same id. A run whose owner is no agent
        is held too, but handed to nobody."""
        self.discard(run.run_id)
        self._runs[run.run_id] = run
        for key in _class_keys(run):
            run_class = self._classes.get(key)
            if run_class is None:
                run_class = self._open(key)
            run_class.add(run.place)

    def discard(self, run_id: str) -> ClaimableRun | None:
        """Take a run out; None if it is not here."""
        run = self._runs.pop(run_id, None)
        if run is None:
            return None
        for key in _class_keys(run):
            run_class = self._classes[key]
            run_class.discard(run.place)
            if not run_class:
                self._close(key, run_class)
        return run

    def best(self, claimer: Claimer) -> ClaimableRun | None:
        """Of all runs that match the claimer, the first by `rank`; it is not taken out."""
        best: Rank | None = None
        for key in _shelf_keys(claimer):
            shelf = self._shelves.get(key)
            if shelf is None:
                continue
            found = shelf.best(claimer.capabilities, claimer.priority_min)
            if found is not None and (best is None or found < best):
                best = found
        return None if best is None else self._runs[best[-1]]

    def _is_live(self, place: Place) -> bool:
        run = self._runs.get(place[-1])
        return run is not None and run.place is place

    def _open(self, key: _ClassKey) -> RunClass:
        shelves = [self._shelves.setdefault(where, Shelf()) for where in key.shelves()]
        # The crowd of one shelf is hint enough: a poor anchor costs time, never a wrong answer.
        anchor = shelves[0].anchor_for(key.required) if shelves else None
        run_class = RunClass(key.required, key.preferred, anchor, self._is_live)
        for shelf in shelves:
            shelf.admit(run_class)
        self._classes[key] = run_class
        return run_class

    def _close(self, key: _ClassKey, run_class: RunClass) -> None:
        del self._classes[key]
        for where in key.shelves():
            shelf = self._shelves[where]
            shelf.remove(run_class)
            if not shelf:
                del self._shelves[where]
