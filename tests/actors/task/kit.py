"""A bench for one task: its state, the world around it as plain values, and a clock to move."""

from attrs import define, evolve, field

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import (
    LOCAL_USER,
    SCHEDULER,
    Actor,
    Caller,
    OriginKind,
    agent_actor,
    origin,
)
from chargehand.actors.limits import EXPIRIES_MAX_DEFAULT, NS
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide import decide
from chargehand.actors.task.decide.context import Context, Decision, Parent
from chargehand.actors.task.eligibility import Claimer
from chargehand.actors.task.events import RunEnqueued
from chargehand.actors.task.review import DEFAULT_RULES, ReviewRules
from chargehand.actors.task.state import ApprovalPolicy, Json, Run, Scope, TaskState
from tests.actors.task.laws import check_laws

START_NS = 1_700_000_000 * NS
OPERATOR = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.test"))


def agent(session_id: str) -> Caller:
    """The caller that session is."""
    return Caller(agent_actor(session_id), origin(OriginKind.AGENT_SESSION, "agent.task.test"))


def claimer(session_id: str) -> Claimer:
    """The session as it asks for any global run."""
    return Claimer(session_id, "coder", None, None, frozenset(), 0)


@define
class Around:
    """Surroundings in plain values; a task that is not named in `tasks` does not exist."""

    tasks: set[str] = field(factory=set)
    completed: set[str] = field(factory=set)
    unapproved: set[str] = field(factory=set)  # completed, but a review has to approve it yet
    parents: dict[str, Parent] = field(factory=dict)
    children: dict[str, int] = field(factory=dict)
    paused: dict[str, str] = field(factory=dict)
    canceled: dict[str, str] = field(factory=dict)  # by which one of those above, or itself
    open: dict[str, int] = field(factory=dict)  # descendants that have not ended
    paths: set[tuple[str, str]] = field(factory=set)
    subscriptions: dict[str, str] = field(factory=dict)
    keys: dict[tuple[str, Actor], tuple[str, str]] = field(factory=dict)

    def exists(self, task_id):
        return task_id in self.tasks

    def is_done(self, task_id):
        return task_id in self.completed and task_id not in self.unapproved

    def is_completed(self, task_id):
        return task_id in self.completed

    def parent(self, task_id):
        return self.parents.get(task_id)

    def child_count(self, task_id):
        return self.children.get(task_id, 0)

    def paused_by(self, task_id):
        return self.paused.get(task_id)

    def canceled_by(self, task_id):
        return self.canceled.get(task_id)

    def open_below(self, task_id):
        return self.open.get(task_id, 0)

    def reaches(self, start, goal):
        return (start, goal) in self.paths

    def keyed_run(self, key, caller):
        return self.keys.get((key, caller.actor))

    def task_of_subscription(self, subscription_id):
        return self.subscriptions.get(subscription_id)

    def note(self, task_id: str, decision: Decision, caller: Caller) -> None:
        """Remember the keys of the runs that a decision made."""
        for event in decision.events:
            if isinstance(event, RunEnqueued) and event.run.idempotency_key is not None:
                self.keys[event.run.idempotency_key, caller.actor] = (task_id, event.run_id)


@define
class Bench:
    """One task. `do` decides, checks the laws and takes the state over."""

    task_id: str = "t"
    state: TaskState | None = None
    around: Around = field(factory=Around)
    now_ns: int = START_NS
    wall_ahead_ns: int = 0  # of the steady scale
    next_seq: int = 1
    expiries_max: int = EXPIRIES_MAX_DEFAULT
    review_rules: ReviewRules = DEFAULT_RULES
    decided: int = 0

    @classmethod
    def created(cls, **fields) -> "Bench":
        """A bench with a task of these fields of `CreateTask`."""
        bench = cls()
        bench.do(c.CreateTask(**{"scope": Scope.GLOBAL, "title": "T", **fields}))
        return bench

    @classmethod
    def with_run(cls, **fields) -> "Bench":
        """Also with a queued run."""
        bench = cls.created(**fields)
        bench.do(c.EnqueueRun())
        return bench

    @classmethod
    def leased(cls, session_id: str = "s1", **fields) -> "Bench":
        """Also with a lease on it, of 300 s."""
        bench = cls.with_run(**fields)
        bench.lease(session_id)
        return bench

    def _age_ns(self, at_ns: int) -> int:
        return max(0, self.now_ns - at_ns)

    def do(self, command: c.Command, caller: Caller = OPERATOR) -> Decision:
        """Decide and go on from there.

        Raises:
            Rejected: the state is what it was.
        """
        self.decided += 1
        context = Context(
            now_ns=self.now_ns,
            steady_ns=self.now_ns - self.wall_ahead_ns,
            age_of=self._age_ns,
            next_seq=self.next_seq,
            record_id=f"{self.decided:024x}",
            caller=caller,
            around=self.around,
            expiries_max=self.expiries_max,
            review_rules=self.review_rules,
        )
        before = self.state
        copy = None if before is None else evolve(before)
        decision = decide(self.task_id, before, command, context)
        assert before == copy, "a state is never changed, only followed by another"
        check_laws(self.task_id, before, decision, context)
        self.state = decision.state
        self.next_seq += len(decision.events)
        if decision.events:
            self.around.tasks.add(self.task_id)
            self.around.note(self.task_id, decision, caller)
        if decision.state.deleted:
            self.around.tasks.discard(self.task_id)
        return decision

    def refusal(self, command: c.Command, caller: Caller = OPERATOR) -> Rejected:
        """The refusal that the command meets; it left nothing behind."""
        before = self.state
        try:
            decision = self.do(command, caller)
        except Rejected as refused:
            assert self.state is before
            return refused
        raise AssertionError(f"{command} was accepted: {decision.events}")

    def code(self, command: c.Command, caller: Caller = OPERATOR) -> Code:
        return self.refusal(command, caller).code

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS)

    # --- shortcuts ------------------------------------------------------------------------------

    @property
    def task(self) -> TaskState:
        assert self.state is not None, "nothing was created"
        return self.state

    @property
    def latest(self) -> Run:
        return self.task.runs[-1]

    def lease(
        self, session_id: str = "s1", seconds: int = 300, claim_key: str = "claim"
    ) -> Decision:
        """The scheduler gives the latest run to a session."""
        command = c.LeaseRun(
            self.latest.id, claimer(session_id), f"sha256:{self.decided:064x}", seconds, claim_key
        )
        return self.do(command, agent(session_id))

    def expire(self) -> Decision:
        """The latest run's lease runs out."""
        assert self.latest.lease_until_ns is not None
        self.now_ns = max(self.now_ns, self.latest.lease_until_ns)
        return self.do(c.ExpireLease(self.latest.id), SCHEDULER)

    def park(self, session_id: str = "s1") -> None:
        """Let the latest, queued run expire until it needs attention."""
        for _ in range(self.expiries_max):
            self.lease(session_id)
            self.expire()

    def block(self, blocker_id: str = "b") -> None:
        """Make the task depend on another one that is not completed."""
        self.around.tasks.add(blocker_id)
        self.do(c.AddDependency(blocker_id))


def types(decision: Decision) -> list[str]:
    """The public names of a decision's events."""
    return [event.type for event in decision.events if event.type]


def keyed(key: str) -> c.Enqueueing:
    return c.Enqueueing(idempotency_key=key)


MANUAL = ApprovalPolicy.MANUAL
NULL = Json(b"null")
