"""Several tasks with the real graph: records are applied as they are decided, effects wait."""

from attrs import define, field
from attrs import evolve as replace

from chargehand.actors.clock import NS
from chargehand.actors.faults import Faults
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import Actor, Caller
from chargehand.actors.limits import EXPIRIES_MAX_DEFAULT
from chargehand.actors.record import Record
from chargehand.actors.surroundings import SystemSurroundings
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide import decide
from chargehand.actors.task.decide.context import Context
from chargehand.actors.task.effects import Effect
from chargehand.actors.task.events import RunEnqueued
from chargehand.actors.task.review import DEFAULT_RULES, ReviewRules
from chargehand.actors.task.state import Scope, TaskState
from tests.actors.task.kit import OPERATOR, START_NS
from tests.actors.task.laws import check_laws


@define
class Town:
    """`pending` holds the effects that were not delivered yet, in order of their records."""

    graph: Graph = field(factory=Graph)
    states: dict[str, TaskState] = field(factory=dict)
    keys: dict[tuple[str, Actor], tuple[str, str]] = field(factory=dict)
    pending: list[Effect] = field(factory=list)
    review_rules: ReviewRules = DEFAULT_RULES
    now_ns: int = START_NS
    next_seq: int = 1
    decided: int = 0

    # --- what the index of the real world answers -------------------------------------------------

    def keyed_run(self, key, caller):
        found = self.keys.get((key, caller.actor))
        return found if found is not None and self.graph.exists(found[0]) else None

    def task_of_subscription(self, subscription_id):
        return None

    # --- what happens ---------------------------------------------------------------------------

    def do(self, task_id: str, command: c.Command, caller: Caller = OPERATOR) -> tuple[Effect, ...]:
        """Decide, check the laws, go on from there; the effects for others are returned too.

        Raises:
            Rejected: nothing has changed.
        """
        self.decided += 1
        self.now_ns += NS
        context = Context(
            now_ns=self.now_ns,
            steady_ns=self.now_ns,
            age_of=lambda at_ns: max(0, self.now_ns - at_ns),
            next_seq=self.next_seq,
            record_id=f"{self.decided:024x}",
            caller=caller,
            around=SystemSurroundings(self.graph, self, Faults(lambda: self.now_ns)),
            expiries_max=EXPIRIES_MAX_DEFAULT,
            review_rules=self.review_rules,
        )
        before = self.states.get(task_id)
        decision = decide(task_id, before, command, context)
        check_laws(task_id, before, decision, context)
        if not decision.events:
            return ()
        record = Record(
            context.next_seq,
            context.record_id,
            self.now_ns,
            task_id,
            caller,
            decision.events,
        )
        effects = self.graph.effects_of(record, decision.state)
        self.graph.apply(record, decision.state)
        self.next_seq = replace(record, effects=effects).last_seq + 1
        self.states[task_id] = decision.state
        for event in decision.events:
            if isinstance(event, RunEnqueued) and event.run.idempotency_key is not None:
                self.keys[event.run.idempotency_key, caller.actor] = (task_id, event.run_id)
        self.pending += effects
        return effects

    def create(self, task_id: str, **fields) -> tuple[Effect, ...]:
        command = c.CreateTask(**{"scope": Scope.GLOBAL, "title": "T", "id": task_id, **fields})
        return self.do(task_id, command)

    def complete(self, task_id: str) -> None:
        """Do the task's work, from its start or from its open, queued run."""
        self.do(task_id, c.StartTask())
        run_id = self.states[task_id].runs[-1].id
        self.do(task_id, c.ClaimRun(run_id))
        self.do(task_id, c.StartRun(run_id))
        self.do(task_id, c.CompleteRun(run_id))

    def deliver(self, index: int) -> None:
        """Hand one pending effect to its task."""
        effect = self.pending.pop(index)
        before = self.next_seq
        self.do(effect.target, effect.command)
        assert self.next_seq > before, "an effect always leaves a record that names it"

    def deliver_all(self) -> None:
        """Hand over all that is pending, and what follows from it, in order."""
        while self.pending:
            self.deliver(0)
