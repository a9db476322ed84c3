"""What waits for somebody: tasks in lanes, as one actor sees them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, final

from attrs import define, field, frozen

from actors.identity import Actor, ActorKind
from actors.task.ended import latest_status
from actors.task.state import (
    OwnerKind,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
    Triage,
)
from actors.views import facets
from actors.views.activity import ActivityOrder, Stretch, Wanted
from actors.views.facets import Facet, Lane
from actors.views.pages import bad_cursor, sequence_of
from actors.views.search import wanted_text

_OWNER_KINDS: Final = {
    ActorKind.HUMAN: OwnerKind.HUMAN,
    ActorKind.AGENT_SESSION: OwnerKind.AGENT_SESSION,
    ActorKind.AUTOMATION: OwnerKind.AUTOMATION,
    ActorKind.EXTENSION: OwnerKind.EXTENSION,
    ActorKind.NETWORK_PEER: OwnerKind.NETWORK_PEER,
}


@final
@frozen
class InboxFilter:
    """All that is set must match. `unread`: nothing but what the actor has not read."""

    scope: Scope | None = None
    workspace_id: str | None = None
    owner_kind: OwnerKind | None = None
    owner_ref: str | None = None
    query: str | None = None
    lane: Lane | None = None
    unread: bool = False

    @property
    def wanted(self) -> Wanted:
        asked = facets.chosen(
            self.owner_kind,
            self.scope,
            workspace_id=self.workspace_id,
            owner_ref=self.owner_ref,
        )
        return Wanted(asked, text=wanted_text(self.query))

    @property
    def lanes(self) -> Sequence[Lane]:
        """In the order in which they are shown."""
        return tuple(Lane) if self.lane is None else (self.lane,)


@final
@frozen
class Marks:
    """A task in an actor's inbox, as it counts now."""

    read: bool = False
    archived: bool = False
    dismissed: bool = False


@final
@frozen
class InboxGroup:
    """The tasks of a lane: unread ones first, then by latest activity.

    Counts are of all that match, not only of these.
    """

    lane: Lane
    count: int
    unread_count: int
    tasks: list[TaskState]
    next_cursor: str | None


def marks_of(triage: Triage | None, state: TaskState) -> Marks:
    """What is archived stays so, whatever happens; all else counts until something happens."""
    if triage is None:
        return Marks()
    if triage.archived:
        return Marks(read=True, archived=True)
    if not facets.is_fresh(triage, state):
        return Marks()
    return Marks(read=triage.read, dismissed=triage.dismissed)


def blocking_reason(
    state: TaskState, known: Callable[[str], TaskState | None] = lambda _: None
) -> str | None:
    """Why nothing goes on with the task, in a word for programs.

    Args:
        known: other tasks, slim or whole, by id.
    """
    if facets.awaits_decision(state):
        return "awaiting_approval"
    if facets.was_rejected(state):
        return "approval_rejected"
    latest = latest_status(state)
    if latest is RunStatus.FAILED:
        return "latest_run_failed"
    if latest is RunStatus.NEEDS_ATTENTION:
        return "needs_attention"
    if facets.is_neglected(state):
        return "run_without_lease"
    if state.waits_for_decision:
        return "dependency_deleted_undone"
    if state.status is not TaskStatus.BLOCKED:
        return None
    waits_for = [known(edge.depends_on_task_id) for edge in state.dependencies if not edge.done]
    for blocker in waits_for:
        if blocker is None or blocker.status is not TaskStatus.COMPLETED:
            return "awaiting_dependencies"
    return "awaiting_review" if waits_for else "awaiting_dependencies"


def inbox(
    order: ActivityOrder, actor: Actor, which: InboxFilter, cursor: str | None, limit: int
) -> list[InboxGroup]:
    """The groups that are asked for, with up to `limit` tasks each.

    Args:
        cursor: where the last page ended; only where one lane is asked for.

    Raises:
        Rejected: the cursor is none of ours.
    """
    wanted, looks = which.wanted, _Looks.of(actor)
    gathered = [
        _Gathered(lane, facets.facet(lane), *_position(cursor), limit) for lane in which.lanes
    ]
    for stretch in order.newest_first():
        places = stretch.select(wanted)
        if places:
            _gather(stretch, places, looks, gathered, only_unread=which.unread)
    return [lane.group() for lane in gathered]


@final
@frozen
class _Looks:
    """Facets by which an actor's inbox differs from those of others."""

    archived: Facet
    read: Facet
    dismissed: Facet
    worker: Facet
    owner: tuple[Facet, ...]  # kind and reference; nothing where the actor can own no task

    @classmethod
    def of(cls, actor: Actor) -> "_Looks":
        kind = _OWNER_KINDS.get(actor.kind)
        return cls(
            archived=facets.archived_by(actor),
            read=facets.read_by(actor),
            dismissed=facets.dismissed_by(actor),
            worker=facets.worked_on_by(actor),
            owner=() if kind is None else (facets.facet(kind), facets.owned_by(actor.ref)),
        )


@final
@define
class _Gathered:
    """What is found of a lane, unread and read ones apart, each latest first.

    Args:
        from_read: the last page ended among the read ones.
        before_seq: of the last task of the last page; None at the start.
    """

    lane: Lane
    facet: Facet
    from_read: bool
    before_seq: int | None
    limit: int
    count: int = 0
    unread_count: int = 0
    unread: list[TaskState] = field(factory=list)
    read: list[TaskState] = field(factory=list)

    def take(self, stretch: Stretch, unread: int, read: int) -> None:
        unread_count = unread.bit_count()
        self.unread_count += unread_count
        self.count += unread_count + read.bit_count()
        if unread and not self.from_read:
            self._add(self.unread, stretch.backwards(unread), self.before_seq)
        if read:
            before_seq = self.before_seq if self.from_read else None
            self._add(self.read, stretch.backwards(read), before_seq)

    def _add(self, to: list[TaskState], found: Iterator[TaskState], before_seq: int | None) -> None:
        """As many as a page takes, and one more that tells that there are more."""
        missing = self.limit + 1 - len(to)
        if missing:
            behind = (s for s in found if before_seq is None or s.latest_event_seq < before_seq)
            to += islice(behind, missing)

    def group(self) -> InboxGroup:
        found = [*self.unread, *self.read]
        tasks, cursor = found[: self.limit], None
        if len(found) > self.limit:
            section = "read" if len(tasks) > len(self.unread) else "unread"
            cursor = f"{section}.{tasks[-1].latest_event_seq}"
        return InboxGroup(self.lane, self.count, self.unread_count, tasks, cursor)


def _gather(
    stretch: Stretch,
    places: int,
    looks: _Looks,
    gathered: Sequence[_Gathered],
    *,
    only_unread: bool,
) -> None:
    having = stretch.having
    archived = places & having(looks.archived)
    shown = places & ~archived & ~having(looks.dismissed)
    for lane in gathered:
        if lane.lane is Lane.ARCHIVED:
            unread, read = 0, archived
        else:
            found = shown & having(lane.facet)
            if lane.lane is Lane.MY_WORK:
                found &= _own_places(stretch, looks)
            read = found & having(looks.read)
            unread = found ^ read
        if unread or (read and not only_unread):
            lane.take(stretch, unread, 0 if only_unread else read)


def _own_places(stretch: Stretch, looks: _Looks) -> int:
    """Where the actor owns the task, or works on it."""
    worked_on = stretch.having(looks.worker)
    if not looks.owner:
        return worked_on
    kind, ref = looks.owner
    return worked_on | (stretch.having(kind) & stretch.having(ref))


def _position(cursor: str | None) -> tuple[bool, int | None]:
    """Whether a page ended among the read ones, and at which number."""
    if cursor is None:
        return (False, None)
    section, dot, seq = cursor.partition(".")
    if section not in ("unread", "read") or not dot:
        raise bad_cursor()
    return (section == "read", sequence_of(seq))
