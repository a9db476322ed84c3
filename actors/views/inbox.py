"""What waits for somebody: tasks in lanes, as one actor sees them."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, NamedTuple, final

from attrs import define, field

from chargehand.actors.frozen import frozen, replace
from chargehand.actors.identity import Actor, ActorKind
from chargehand.actors.task.ended import latest_status
from chargehand.actors.task.state import (
    OwnerKind,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
    Triage,
)
from chargehand.actors.views import facets
from chargehand.actors.views.activity import ActivityOrder
from chargehand.actors.views.catalog import Catalog
from chargehand.actors.views.choices import Lane
from chargehand.actors.views.facets import Facet
from chargehand.actors.views.pages import bad_cursor
from chargehand.actors.views.rows import PlacedRows
from chargehand.actors.views.search import wanted_text
from chargehand.actors.views.stretches import Placed, Stretch
from chargehand.actors.views.walks import Walk, walked
from chargehand.actors.views.wanted import Wanted

_OWNER_KINDS: Final = {
    ActorKind.HUMAN: OwnerKind.HUMAN,
    ActorKind.AGENT_SESSION: OwnerKind.AGENT_SESSION,
    ActorKind.AUTOMATION: OwnerKind.AUTOMATION,
    ActorKind.EXTENSION: OwnerKind.EXTENSION,
    ActorKind.NETWORK_PEER: OwnerKind.NETWORK_PEER,
}

_QUESTIONS_MAX: Final = 4
_SECTIONS: Final = ("unread", "read")  # of a lane, in this order; as cursors name them


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
        return "awaiting_review" if state.open_reviews else "latest_run_failed"
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


def read_cursor(cursor: str) -> Walk:
    """Raises: Rejected: it is no cursor of an inbox."""
    section, dot, walk = cursor.partition(".")
    if section not in _SECTIONS or not dot:
        raise bad_cursor()
    return replace(Walk.read(walk), section=_SECTIONS.index(section))


# Of a lane, by its number among those that are asked for, in one stretch: the places of unread and
# of read tasks, as bits, how many are unread, and how many there are.
_Found = tuple[int, int, int, int, int]


@final
class Question:
    """What an actor asks of an inbox, by facets. Two of them are never equal."""

    def __init__(self, actor: Actor, which: InboxFilter) -> None:
        self.wanted = which.wanted
        self.only_unread = which.unread
        self.lanes = [_Lane(lane, facets.facet(lane)) for lane in which.lanes]
        self._answers: dict[Stretch, list[_Found]] = {}  # as far as the lanes have taken them
        self.archived = facets.archived_by(actor)
        self.read = facets.read_by(actor)
        self.dismissed = facets.dismissed_by(actor)
        self.worker = facets.worked_on_by(actor)
        kind = _OWNER_KINDS.get(actor.kind)  # None: such an actor can own no task
        self.owner = None if kind is None else (facets.facet(kind), facets.owned_by(actor.ref))

    def look(self, order: ActivityOrder) -> None:
        """Have each lane know what there is of it, by what has changed since the last look."""
        known, answers = self._answers, dict[Stretch, list[_Found]]()
        for stretch in order.newest_first():
            found = answers[stretch] = stretch.answer(self, _sorted_out)
            former = known.pop(stretch, None)
            if former is not found:
                self._replace(stretch, former or [], found)
        for stretch, former in known.items():  # they were put together with others
            self._replace(stretch, former, [])
        self._answers = answers

    def _replace(self, stretch: Stretch, former: list[_Found], found: list[_Found]) -> None:
        for number, _, _, unread_count, count in former:
            self.lanes[number].drop(stretch, unread_count, count)
        for number, *places in found:
            self.lanes[number].take(stretch, *places)


@final
class Inboxes:
    """What waits for each actor. Who looks again asks the same as a rule, so that of most stretches
    the answer is known (see `Stretch.answer`)."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._asked: dict[tuple[Actor, InboxFilter], Question] = {}

    def look(
        self, actor: Actor, which: InboxFilter, cursor: str | None, limit: int
    ) -> list[InboxGroup]:
        """The groups that are asked for, with up to `limit` tasks each.

        While pages of a lane are read, a task stands where it stood when the first one was, among
        the unread ones or the read ones: what is there all along is shown once. Where that is
        forgotten, tasks stand as they are, and those that moved come once more (see
        `walks.walked`).

        Args:
            cursor: where the last page ended; only where one lane is asked for.

        Raises:
            Rejected: the cursor is invalid.
        """
        catalog = self._catalog
        walk = catalog.moves.begin() if cursor is None else read_cursor(cursor)
        question = self._question(actor, which)
        question.look(catalog.order)
        return [lane.group(catalog, actor, walk, limit) for lane in question.lanes]

    def _question(self, actor: Actor, which: InboxFilter) -> Question:
        question = self._asked.pop((actor, which), None) or Question(actor, which)
        self._asked[actor, which] = question
        if len(self._asked) > _QUESTIONS_MAX:
            del self._asked[next(iter(self._asked))]
        return question


@final
class _Places(NamedTuple):
    """Where the tasks of a lane stand in a stretch, as bits."""

    unread: int
    read: int


_NOWHERE: Final = _Places(0, 0)


@final
@define
class _Lane:
    """What is found of a lane, by stretch."""

    lane: Lane
    facet: Facet
    count: int = 0
    unread_count: int = 0
    found: dict[Stretch, _Places] = field(factory=dict)

    def take(self, stretch: Stretch, unread: int, read: int, unread_count: int, count: int) -> None:
        self.unread_count += unread_count
        self.count += count
        self.found[stretch] = _Places(unread, read)

    def drop(self, stretch: Stretch, unread_count: int, count: int) -> None:
        self.unread_count -= unread_count
        self.count -= count
        del self.found[stretch]

    def group(self, catalog: Catalog, actor: Actor, walk: Walk, limit: int) -> InboxGroup:
        moves, as_of_seq = catalog.moves, walk.as_of_seq
        had_read: dict[Placed, bool] = {}
        is_known = as_of_seq is not None and catalog.readings.knows(as_of_seq) and moves.know(walk)
        if is_known and self.lane is not Lane.ARCHIVED:  # what is archived counts as read
            assert as_of_seq is not None
            had_read = catalog.readings.since(as_of_seq, actor)
        sections = self._sections(catalog.order, had_read)
        found = list(islice(walked(sections, moves, walk, is_known=is_known), limit + 1))
        cursor = None
        if len(found) > limit:
            behind, _ = found[limit - 1]
            cursor = f"{_SECTIONS[behind.section]}.{behind.cursor}"
        tasks = [state for _, state in found[:limit]]
        return InboxGroup(self.lane, self.count, self.unread_count, tasks, cursor)

    def _sections(self, order: ActivityOrder, had_read: dict[Placed, bool]) -> list[PlacedRows]:
        """The unread ones, and the read ones. Args: had_read: of those that have changed."""
        were_read: dict[Stretch, int] = {}  # their places, as bits
        were_unread: dict[Stretch, int] = {}
        for entry, was_read in had_read.items():  # there may be many
            were, stretch = were_read if was_read else were_unread, entry.stretch
            were[stretch] = were.get(stretch, 0) | 1 << entry.place

        def unread_in(stretch: Stretch) -> int:
            unread, read = self.found.get(stretch, _NOWHERE)
            return unread & ~were_read.get(stretch, 0) | read & were_unread.get(stretch, 0)

        def read_in(stretch: Stretch) -> int:
            unread, read = self.found.get(stretch, _NOWHERE)
            return read & ~were_unread.get(stretch, 0) | unread & were_read.get(stretch, 0)

        return [PlacedRows(order, unread_in), PlacedRows(order, read_in)]


def _sorted_out(stretch: Stretch, question: Question) -> list[_Found]:
    """Of each lane that has anything there."""
    places = stretch.select(question.wanted)
    if not places:
        return []
    having = stretch.having
    archived = places & having(question.archived)
    shown = places & ~archived & ~having(question.dismissed)
    seen = having(question.read)
    found: list[_Found] = []
    for number, lane in enumerate(question.lanes):
        if lane.lane is Lane.ARCHIVED:
            unread, read = 0, archived
        else:
            there = shown & having(lane.facet)
            if lane.lane is Lane.MY_WORK:
                there &= _own_places(stretch, question)
            read = there & seen
            unread = there ^ read
        if question.only_unread:
            read = 0
        if unread or read:
            count = unread.bit_count()
            found.append((number, unread, read, count, count + read.bit_count()))
    return found


def _own_places(stretch: Stretch, question: Question) -> int:
    """Where the actor owns the task, or works on it."""
    worked_on = stretch.having(question.worker)
    if question.owner is None:
        return worked_on
    kind, ref = question.owner
    return worked_on | (stretch.having(kind) & stretch.having(ref))
