"""What a task is. Frozen: a new state is made for each event, so a state may be handed to anyone.

Times are nanoseconds since 1970.
"""

from enum import Enum
from typing import Final, final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor, ActorKind, CallerKey, Origin
from chargehand.actors.task.choices import TERMINAL_RUN, TERMINAL_TASK
from chargehand.actors.task.choices import ApprovalPolicy as ApprovalPolicy
from chargehand.actors.task.choices import ApprovalState as ApprovalState
from chargehand.actors.task.choices import FailureKind as FailureKind
from chargehand.actors.task.choices import OwnerKind as OwnerKind
from chargehand.actors.task.choices import Priority as Priority
from chargehand.actors.task.choices import RunStatus as RunStatus
from chargehand.actors.task.choices import Scope as Scope
from chargehand.actors.task.choices import TaskStatus as TaskStatus
from chargehand.actors.task.details import Details, details_last
from chargehand.actors.task.profile import ExecutionProfile
from chargehand.actors.task.review import Continuation, Review
from chargehand.actors.task.subscription import Subscription
from chargehand.actors.task.values import Json as Json
from chargehand.actors.task.values import Owner as Owner


class DependencyKind(Enum):
    BLOCKS = "blocks"


class TriageAction(Enum):
    READ = "read"
    ARCHIVE = "archive"
    DISMISS = "dismiss"


@final
@frozen
class Pause:
    by: Actor
    at_ns: int
    reason: str | None


@final
@frozen
class Dependency:
    """An edge to a blocker. `done` is what the blocker's last effect said (see `is_done`)."""

    depends_on_task_id: str
    kind: DependencyKind
    created_at_ns: int
    done: bool


@final
@frozen
class Triage:
    """What one actor did with the task in their inbox. Archived once is archived for good."""

    actor: Actor
    read: bool
    archived: bool
    dismissed: bool
    last_seen_activity_at_ns: int
    updated_at_ns: int
    last_seen_seq: int = 0  # of that activity; 0 if that was before it was kept

    def has_seen(self, task: "TaskState") -> bool:
        """Whether no public event has happened since."""
        if self.last_seen_seq:
            return task.latest_event_seq <= self.last_seen_seq
        return task.last_activity_at_ns <= self.last_seen_activity_at_ns


_BEFORE_ALL: Final = 2**63  # more than any time in ns


@final
@frozen
class Run:
    """One attempt at a task. Which fields are set in which status: `evolve` says it.

    Runs are stored by the order of these fields: a new one stands last, with a default.
    """

    id: str
    attempt: int
    status: RunStatus
    origin: Origin
    queued_at_ns: int
    previous_run_id: str | None = None
    failure_kind: FailureKind | None = None
    idempotency_key: str | None = None
    network_channel: str | None = None
    coordination_channel_id: str | None = None
    metadata: Json | None = None
    required_capabilities: tuple[str, ...] = ()
    preferred_capabilities: tuple[str, ...] = ()
    claimed_by: Actor | None = None
    session_id: str | None = None
    claim_token_hash: str | None = None  # kept after the end, gone after a release
    # Set exactly while a lease lives; kept on cancel. By the wall as it was when the lease was
    # given; the end itself is `lease_end_ns`.
    lease_until_ns: int | None = None
    heartbeat_at_ns: int | None = None
    lease_seconds: int | None = None  # the length last asked for, or the claim's own
    claim_key: str | None = None  # idempotency key of the claim that holds the lease
    claimed_at_ns: int | None = None
    started_at_ns: int | None = None
    ended_at_ns: int | None = None
    error: str | None = None
    result: Json | None = None
    expiries: int = 0  # leases run out in a row
    lapsed_session_id: str | None = None  # whose lease ran out last
    closing_session_id: str | None = None  # who completed or failed it under a lease
    closing_digest: str | None = None  # of the body of that complete or fail
    starved_at_ns: int | None = None  # when it was reported that nobody could claim it
    continuation: Continuation | None = None  # it was asked for by a review
    claimed_under: CallerKey | None = None  # the key of the operator's claim that it is under
    started_under: CallerKey | None = None  # the key of its start
    claim_lease_seconds: int | None = None  # the length that its claim asked for
    queued_seq: int = 0  # number of the event that queued it; 0 if that was before it was kept
    lease_ends_ns: int = 0  # on the steady scale; 0: equal to `lease_until_ns`
    bound_at_ns: int | None = None  # when a session was attached, or is about to be
    neglected_at_ns: int | None = None  # when it was reported that nobody touches it; see below

    @property
    def predecessor_id(self) -> str | None:
        """The run that it takes the place of, or whose work it goes on with."""
        if self.continuation is not None:
            return self.continuation.parent_run_id
        return self.previous_run_id

    @property
    def holder_session_id(self) -> str | None:
        """The session that it is freed with: whose lease it is or to which it was attached, else
        the one that claimed it without a lease. None: an operator's, or nobody's."""
        if not self.status.is_active:
            return None
        if self.session_id is not None:
            return self.session_id
        claimed_by = self.claimed_by
        if claimed_by is None or claimed_by.kind is not ActorKind.AGENT_SESSION:
            return None
        return claimed_by.ref

    @property
    def queue_order(self) -> int:
        """What is smaller was queued earlier. By the journal's sequence, as the wall may be set;
        runs of before that was kept come first, by their times."""
        return self.queued_seq or self.queued_at_ns - _BEFORE_ALL

    @property
    def lease_end_ns(self) -> int | None:
        """When its lease ends, on the clock's steady scale."""
        return None if self.lease_until_ns is None else self.lease_ends_ns or self.lease_until_ns

    @property
    def untouched_since_ns(self) -> int | None:
        """Of a run at work that no lease guards: when the latest of its events befell it."""
        if not self.status.is_active or self.lease_until_ns is not None:
            return None
        return self.started_at_ns or self.bound_at_ns or self.claimed_at_ns

    @property
    def is_neglected(self) -> bool:
        """At work without a lease, and it was reported that nobody has touched it for long."""
        return self.status.is_active and self.neglected_at_ns is not None

    @property
    def is_leased(self) -> bool:
        """Held under a lease: by an agent's claim, not by an operator's."""
        return self.status.is_active and self.lease_until_ns is not None


@final
@frozen(field_transformer=details_last)
class TaskState(Details):
    """One task, whole. In lists a slim copy stands for it, without `description`, `metadata` and
    the reviews that are over, and with the ended runs in short (see `slim`).

    Tasks are stored by the order of these fields, behind which stand the details that are not named
    here: a new field stands last, with a default.
    """

    id: str
    scope: Scope
    workspace_id: str | None
    parent_task_id: str | None
    identifier: str | None
    title: str
    description: str | None
    network_channel: str | None = field(default=None, kw_only=True)
    priority: Priority
    max_attempts: int
    auto_enqueue_on_ready: bool
    approval_policy: ApprovalPolicy
    approval_state: ApprovalState
    owner: Owner | None = field(default=None, kw_only=True)
    metadata: Json | None
    created_by: Actor
    origin: Origin
    created_at_ns: int
    updated_at_ns: int
    last_activity_at_ns: int
    status: TaskStatus  # as last derived
    draft: bool = False  # not yet published
    canceled: bool = False  # the task itself was canceled: final
    deleted: bool = False  # only the id is left
    auto_enqueue_due: bool = False  # it became ready while paused; resume makes up for it
    closed_at_ns: int | None = None  # set exactly while the status is terminal
    pause: Pause | None = None
    dependencies: tuple[Dependency, ...] = ()
    runs: tuple[Run, ...] = ()  # in order of creation
    latest_event_seq: int = 0  # of its own timeline
    last_seq: int = 0  # of its last event, public or not
    profile: ExecutionProfile | None = None  # None: the default one
    triage: tuple[Triage, ...] = ()  # one for each actor, the longest untouched first
    reviews: tuple[Review, ...] = ()  # in order of request
    subscriptions: tuple[Subscription, ...] = ()  # to its ends, the one set last at the end
    lost_blockers: tuple[str, ...] = ()  # deleted undone since its last run was made
    unapproved_run_id: str | None = None  # completed it, and has to be approved by a review yet
    priority_seq: int = (
        0  # of the event that changed its priority last; 0: none has since it is kept
    )
    ended: bytes = b""  # slim only: facts of the ended runs that `runs` lacks, see `ended`

    @property
    def open_run(self) -> Run | None:
        """The run that has not ended: the latest one, as none is made before it has."""
        runs = self.runs
        return runs[-1] if runs and runs[-1].status not in TERMINAL_RUN else None

    @property
    def current_run(self) -> Run | None:
        """The run somebody works on: claimed, starting or running."""
        run = self.open_run
        return run if run is not None and run.status.is_active else None

    @property
    def has_ended(self) -> bool:
        """At an end, with nothing open that may lead on from there."""
        return self.status in TERMINAL_TASK and self.open_run is None

    @property
    def attempts_used(self) -> int:
        return self.runs[-1].attempt if self.runs else 0

    @property
    def is_done(self) -> bool:
        """What those that depend on it wait for: completed, and approved where the policy required
        a review of the run that completed it."""
        return self.status is TaskStatus.COMPLETED and self.unapproved_run_id is None

    @property
    def completing_run(self) -> Run | None:
        """The run by which it is completed, if that is what the latest one that ended did."""
        for run in reversed(self.runs):
            if run.status.is_terminal:
                return run if run.status is RunStatus.COMPLETED else None
        return None

    def requires_review(self, run_id: str) -> bool:
        """Whether the policy asked for a review of this run."""
        return any(review.required and review.run_id == run_id for review in self.reviews)

    @property
    def has_unresolved_dependencies(self) -> bool:
        return any(not edge.done for edge in self.dependencies)

    @property
    def waits_for_decision(self) -> bool:
        """Ready, but a task that it depended on was deleted undone, and nobody has said yet whether
        the work shall be done without."""
        return (
            bool(self.lost_blockers) and self.status is TaskStatus.READY and self.open_run is None
        )

    @property
    def awaits_approval(self) -> bool:
        return (
            self.approval_policy is ApprovalPolicy.MANUAL
            and self.approval_state is not ApprovalState.APPROVED
        )

    @property
    def is_gated(self) -> bool:
        """Kept from running by a dependency or a missing approval."""
        return self.has_unresolved_dependencies or self.awaits_approval

    def triage_by(self, actor: Actor) -> Triage | None:
        """What this actor did; None: nothing yet."""
        for triage in self.triage:
            if triage.actor == actor:
                return triage
        return None

    @property
    def open_reviews(self) -> tuple[Review, ...]:
        """Those that wait for their verdict."""
        return tuple([review for review in self.reviews if review.is_open])

    def review(self, review_id: str) -> Review | None:
        for review in self.reviews:
            if review.id == review_id:
                return review
        return None

    def subscription(self, subscription_id: str) -> Subscription | None:
        for subscription in self.subscriptions:
            if subscription.id == subscription_id:
                return subscription
        return None

    def run(self, run_id: str) -> Run | None:
        for run in reversed(self.runs):
            if run.id == run_id:
                return run
        return None
