"""What a decision may look at besides the task, and how it puts its events together."""

from collections.abc import Callable
from typing import Protocol, final

from attrs import define, field

from chargehand.actors.answers import Answer
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.identity import Caller
from chargehand.actors.record import event_id
from chargehand.actors.task.events import (
    DependencyAdded,
    DependencyRemoved,
    Event,
    KeyKept,
    MessageDue,
    RunCanceled,
    RunCompleted,
    RunFailed,
    RunForcedFail,
    StatusChanged,
    TaskApproved,
    TaskCanceled,
    TaskPublished,
    TaskRejected,
    TaskUpdated,
)
from chargehand.actors.task.evolve import evolve
from chargehand.actors.task.review import DEFAULT_RULES, Review, ReviewRules
from chargehand.actors.task.state import Run, RunStatus, Scope, TaskState, TaskStatus
from chargehand.actors.task.status import derive_status

StatusTelling = (
    TaskUpdated | TaskPublished | TaskApproved | TaskRejected | DependencyAdded | DependencyRemoved
)


_ENDS = (RunCompleted, RunFailed, RunForcedFail, RunCanceled, TaskCanceled)


@final
@frozen
class Parent:
    """What a child must fit: `depth` counts from 1 at a root."""

    scope: Scope
    workspace_id: str | None
    depth: int
    child_count: int


class Surroundings(Protocol):
    """What other tasks are at this moment. Answers at once; nothing can change while deciding."""

    def exists(self, task_id: str) -> bool:
        """Whether there is such a task, not deleted."""

    def is_done(self, task_id: str) -> bool:
        """Whether those that depend on the task need not wait: it is completed, and approved where
        a review was required."""

    def is_completed(self, task_id: str) -> bool:
        """Whether the task's status is completed."""

    def canceled_by(self, task_id: str) -> str | None:
        """The nearest canceled task on the way up, itself first; not one that shows canceled only
        because its run was."""

    def open_below(self, task_id: str) -> int:
        """How many of its descendants have not ended."""

    def parent(self, task_id: str) -> Parent | None:
        """The task as a parent of a new child."""

    def child_count(self, task_id: str) -> int:
        """How many direct children it has."""

    def paused_by(self, task_id: str) -> str | None:
        """The nearest paused task on the way up, itself first."""

    def reaches(self, start: str, goal: str) -> bool:
        """Whether `start` depends on `goal`, directly or through others.

        Raises:
            Rejected: GRAPH_LIMIT; there are too many edges at both ends to tell.
        """

    def keyed_run(self, key: str, caller: Caller) -> tuple[str, str] | None:
        """The task and run that an idempotency key of this caller stands for."""

    def task_of_subscription(self, subscription_id: str) -> str | None:
        """The task that a subscription has or had, that task deleted or not."""


@final
@frozen
class Context:
    """The moment of a decision.

    Args:
        now_ns: the time of the record to be, by the wall.
        steady_ns: the same moment on the steady scale; leases end by it.
        age_of: how long ago the wall said a time, whatever steps it has made since, in ns.
        next_seq: the number of its first event.
        record_id: suffix for the ids that are made with it.
        expiries_max: leases in a row that may run out before a run needs attention.
        review_rules: when a run is judged, and how often.
    """

    now_ns: int
    steady_ns: int
    age_of: Callable[[int], int]
    next_seq: int
    record_id: str
    caller: Caller
    around: Surroundings
    expiries_max: int
    review_rules: ReviewRules = DEFAULT_RULES

    def wall_ns(self, steady_ns: int) -> int:
        """What the wall shows at a moment of the steady scale, as far as it is known now."""
        return steady_ns + self.now_ns - self.steady_ns

    def end_of_lease(self, ends_ns: int) -> tuple[int, int]:
        """For an event: what the wall shows then, and the end itself, 0 if that is the same."""
        until_ns = self.wall_ns(ends_ns)
        return until_ns, 0 if until_ns == ends_ns else ends_ns

    @property
    def new_review_id(self) -> str:
        """The id for the review that this operation asks for; no operation asks for two."""
        return f"review-{self.record_id}"

    @property
    def new_run_id(self) -> str:
        """The id for the run that this operation makes; no operation makes two."""
        return f"run-{self.record_id}"

    @property
    def new_subscription_id(self) -> str:
        """The id for a subscription that this operation makes."""
        return f"bts-{self.record_id}"


@final
@frozen
class Decision:
    """What the command comes to. No events: nothing is written."""

    events: tuple[Event, ...]
    state: TaskState
    answer: Answer

    def keeping_key(self, context: Context) -> "Decision":
        """For a request under a key. Where nothing is written, but the answer is a run, an event
        that is written for the key alone: asked again, it must be that run again."""
        answer = self.answer
        if self.events or answer.run is None or answer.review is not None:
            return self
        changes = Changes(self.state.id, context, self.state)
        changes.add(KeyKept())
        return Decision((*changes.events,), changes.state, replace(answer, task=changes.state))


@final
@define
class Changes:
    """Events as they are decided, each folded in at once, so that rules see their effect."""

    task_id: str
    context: Context
    state_or_none: TaskState | None
    events: list[Event] = field(factory=list)

    @property
    def state(self) -> TaskState:
        assert self.state_or_none is not None, f"{self.task_id} has no state yet"
        return self.state_or_none

    def add(self, event: Event) -> None:
        context = self.context
        self.state_or_none = evolve(
            self.state_or_none,
            event,
            task_id=self.task_id,
            seq=context.next_seq + len(self.events),
            at_ns=context.now_ns,
            caller=context.caller,
        )
        self.events.append(event)

    def add_with_status(self, event: StatusTelling) -> None:
        """Add an event that has the status derived after it; its `status` is filled in here."""
        self.add(event)
        self.events[-1] = replace(event, status=derive_status(self.state))

    def status_if(self, run: Run, status: RunStatus) -> TaskStatus:
        """What the task's status will be with `run` in `status`."""
        return derive_status(self.state, run.id, status)

    def settle(self, reason: str) -> None:
        """Say so if the derived status has moved."""
        state = self.state
        status = derive_status(state)
        if status is not state.status:
            self.add(StatusChanged(previous_status=state.status, status=status, reason=reason))
            if status.is_terminal and state.subscriptions:
                self.add(MessageDue(self._seq_of_end()))

    def _seq_of_end(self) -> int:
        """The number of the event by which the task has ended: the last one that ends anything,
        else that of the status, which a change of the task itself may move."""
        last = len(self.events) - 1
        ends = (n for n in range(last, -1, -1) if isinstance(self.events[n], _ENDS))
        return self.context.next_seq + next(ends, last)

    def tell_subscribers(self) -> None:
        """A message about the event that was added last is due to the subscribers."""
        if self.state.subscriptions:
            self.add(MessageDue(self.context.next_seq + len(self.events) - 1))

    @property
    def last_event_id(self) -> str:
        return event_id(self.context.record_id, len(self.events) - 1)

    def decided(
        self,
        run_id: str | None = None,
        previous_run_id: str | None = None,
        review_id: str | None = None,
        subscription_id: str | None = None,
    ) -> Decision:
        """The decision with its answer about what has these ids."""
        state = self.state
        return Decision(
            tuple(self.events),
            state,
            Answer(
                state,
                None if run_id is None else state.run(run_id),
                None if previous_run_id is None else state.run(previous_run_id),
                None if review_id is None else state.review(review_id),
                subscription=None
                if subscription_id is None
                else state.subscription(subscription_id),
            ),
        )

    def replay(self, run: Run | None, review: Review | None = None) -> Decision:
        """Nothing new: the answer that an earlier equal request got."""
        assert not self.events, "a replay writes nothing"
        return Decision((), self.state, Answer(self.state, run, review=review, replayed=True))
