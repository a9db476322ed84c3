"""Tasks in groups, each with its counts and its open runs in order: the dashboard is their sum.

Tasks that no filter but that of the owner's reference can tell apart form a group; there are about
as many as there are workspaces and channels in use together. The tasks of each owner form groups of
the same kind once more, and all tasks together form one. So a filter has to sum few groups, however
many owners there are.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final, NamedTuple, final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import OriginKind
from chargehand.actors.ordered import Ordered, numbers
from chargehand.actors.task.eligibility import QueuedRun, queued_run
from chargehand.actors.task.ended import all_facts
from chargehand.actors.task.state import OwnerKind, Run, RunStatus, Scope, TaskState
from chargehand.actors.views import facets
from chargehand.actors.views.facets import Facet
from chargehand.actors.views.tally import Tally, tally_of


@final
@frozen
class GroupFilter:
    """All that is set must match; of tasks, and with them of all their runs."""

    scope: Scope | None = None
    workspace_id: str | None = None
    owner_kind: OwnerKind | None = None
    owner_ref: str | None = None
    network_channel: str | None = None
    origin_kind: OriginKind | None = None

    @property
    def facets(self) -> tuple[Facet, ...]:
        """What its tasks have in common."""
        return facets.chosen(
            self.scope,
            self.owner_kind,
            self.origin_kind,
            workspace_id=self.workspace_id,
            owner_ref=self.owner_ref,
            network_channel=self.network_channel,
        )

    def matches(self, key: "GroupKey") -> bool:
        """Whether the groups of that key are asked for, if they are of the right owner."""
        return (
            (self.scope is None or (self.scope is Scope.GLOBAL) == (key.workspace_id is None))
            and (self.workspace_id is None or key.workspace_id == self.workspace_id)
            and (self.owner_kind is None or key.owner_kind is self.owner_kind)
            and (self.network_channel is None or key.network_channel == self.network_channel)
            and (self.origin_kind is None or key.origin_kind is self.origin_kind)
        )


@final
class GroupKey(NamedTuple):
    """What the tasks of a group have in common, besides the owner's reference."""

    workspace_id: str | None
    owner_kind: OwnerKind | None
    network_channel: str | None
    origin_kind: OriginKind


@final
class ActiveRun(NamedTuple):
    """A run that somebody works on, in the order of when it came into its status."""

    since_ns: int
    run_id: str
    task_id: str


OpenRun = QueuedRun | ActiveRun
by_age: Final = attrgetter("since_ns", "run_id")
"""In the order of when a run came into its status."""


def since_ns(run: Run) -> int:
    """When an open run came into its status; nothing that shows in lists befell it later."""
    if run.status is RunStatus.RUNNING and run.started_at_ns is not None:
        return run.started_at_ns
    if run.status is not RunStatus.QUEUED and run.claimed_at_ns is not None:
        return run.claimed_at_ns
    return run.queued_at_ns


@final
class Figures:
    """What one task adds to its groups."""

    __slots__ = ("claims", "place", "run", "starts", "tally")

    def __init__(self, state: TaskState) -> None:
        self.run = run = state.open_run
        self.place: OpenRun | None = None
        if run is not None and run.status is RunStatus.QUEUED:
            self.place = queued_run(state, run)
        elif run is not None:
            self.place = ActiveRun(since_ns(run), run.id, state.id)
        self.claims: list[int] = []
        self.starts: list[int] = []
        facts = all_facts(state)
        for _, _, claim_ns, start_ns in facts:
            if claim_ns is not None:
                self.claims.append(claim_ns)
            if start_ns is not None:
                self.starts.append(start_ns)
        self.tally: Tally = tally_of(state, facts)


_NONE: list[int] = []
_SESSION_WORKS = frozenset({RunStatus.STARTING, RunStatus.RUNNING})


@final
class Group:
    """Its parts are for reading.

    Args of the parts:
        claims, starts: latencies of all there ever were, in ns.
        queued: open runs by the channel of the run.
        working: open runs by status; claimed, starting, running.
        neglected: those of them that no lease guards and nobody touches.
        sessions: how many starting and running ones are bound to each.
    """

    __slots__ = ("claims", "neglected", "queued", "sessions", "starts", "tally", "working")

    def __init__(self) -> None:
        self.tally: Tally = 0
        self.claims: Ordered[int] | None = None  # made with the first: most groups are small
        self.starts: Ordered[int] | None = None
        self.queued: dict[str | None, Ordered[QueuedRun]] = {}
        self.working: dict[RunStatus, Ordered[ActiveRun]] = {}
        self.neglected: dict[RunStatus, Ordered[ActiveRun]] = {}
        self.sessions: dict[str, int] = {}

    def change(self, old: Figures | None, new: Figures | None) -> None:
        """A task has changed; None before it came, and after it went."""
        had_claims = had_starts = has_claims = has_starts = _NONE
        if old is not None:
            self.tally -= old.tally
            had_claims, had_starts = old.claims, old.starts
            if old.run is not None:
                self._leave(old.run, old.place)
        if new is not None:
            self.tally += new.tally
            has_claims, has_starts = new.claims, new.starts
            if new.run is not None:
                self._enter(new.run, new.place)
        if had_claims != has_claims:
            self.claims = _replaced(self.claims, had_claims, has_claims)
        if had_starts != has_starts:
            self.starts = _replaced(self.starts, had_starts, has_starts)

    def _enter(self, run: Run, place: OpenRun | None) -> None:
        if isinstance(place, QueuedRun):
            queued = self.queued.get(run.network_channel)
            if queued is None:
                queued = self.queued[run.network_channel] = Ordered(key=by_age)
            queued.add(place)
        elif place is not None and run.status.is_active:
            working = self.working.get(run.status)
            if working is None:
                working = self.working[run.status] = Ordered()
            working.add(place)
            if run.is_neglected:
                self.neglected.setdefault(run.status, Ordered()).add(place)
            if run.session_id is not None and run.status in _SESSION_WORKS:
                self.sessions[run.session_id] = self.sessions.get(run.session_id, 0) + 1

    def _leave(self, run: Run, place: OpenRun | None) -> None:
        if isinstance(place, QueuedRun):
            queued = self.queued[run.network_channel]
            queued.remove(place)
            if not queued:
                del self.queued[run.network_channel]
        elif place is not None and run.status.is_active:
            self.working[run.status].remove(place)
            if run.is_neglected:
                self.neglected[run.status].remove(place)
            if run.session_id is not None and run.status in _SESSION_WORKS:
                left = self.sessions.pop(run.session_id) - 1
                if left:
                    self.sessions[run.session_id] = left


def _replaced(
    latencies: Ordered[int] | None, old: Sequence[int], new: Sequence[int]
) -> Ordered[int]:
    if latencies is None:
        latencies = numbers()
    for latency_ns in old:
        latencies.remove(latency_ns)
    for latency_ns in new:
        latencies.add(latency_ns)
    return latencies


@final
class Groups:
    """All of them, as of the tasks that were given to `put`.

    Args:
        held: the object that others have for a task's queued run.
    """

    def __init__(self, held: Callable[[str], QueuedRun | None]) -> None:
        self._held = held
        self._all = Group()
        # By the owner's reference; those of None are of all tasks, whoever owns them.
        self._of_owners: dict[str | None, dict[GroupKey, Group]] = {None: {}}

    def __len__(self) -> int:
        return sum(map(len, self._of_owners.values()))

    def change(self, before: TaskState | None, after: TaskState | None) -> None:
        """A task was made, has changed, or is gone."""
        old = None if before is None else Figures(before)
        new = None if after is None else Figures(after)
        if new is not None and after is not None and isinstance(new.place, QueuedRun):
            held = self._held(after.id)
            if held == new.place:
                new.place = held
        self._all.change(old, new)
        had = () if before is None else _places(before)
        has = () if after is None else _places(after)
        if had == has:
            for owner, key in had:
                self._of_owners[owner][key].change(old, new)
            return
        for owner, key in had:
            self._remove(owner, key, old)
        for owner, key in has:
            groups = self._of_owners.setdefault(owner, {})
            group = groups.get(key)
            if group is None:
                group = groups[key] = Group()
            group.change(None, new)

    def _remove(self, owner: str | None, key: GroupKey, old: Figures | None) -> None:
        groups = self._of_owners[owner]
        group = groups[key]
        group.change(old, None)
        if not group.tally:
            del groups[key]
            if not groups and owner is not None:
                del self._of_owners[owner]

    def matching(self, which: GroupFilter) -> Iterable[Group]:
        """Groups that hold the tasks of the filter, each once, and no others."""
        if which == GroupFilter():
            return (self._all,)
        groups = self._of_owners.get(which.owner_ref, {})
        return (group for key, group in groups.items() if which.matches(key))


_Place = tuple[str | None, GroupKey]  # the owner's reference, and the group among the owner's


def _places(state: TaskState) -> tuple[_Place, ...]:
    """The groups of a task, besides that of all."""
    owner, origin = state.owner, state.origin.kind
    if owner is None:
        return ((None, GroupKey(state.workspace_id, None, state.network_channel, origin)),)
    key = GroupKey(state.workspace_id, owner.kind, state.network_channel, origin)
    return ((None, key), (owner.ref, key))
