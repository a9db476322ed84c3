"""Any work on several tasks, with effects that arrive in any order: in the end all agree."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.graph.graph import Graph
from chargehand.actors.task import commands as c
from chargehand.actors.task.effects import BlockerDeleted, CancelPropagated
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, ReviewRules, Verdict
from chargehand.actors.task.state import RunStatus, Scope, TaskStatus
from tests.actors.graphs import restore_graph
from tests.actors.task.kit import claimer
from tests.actors.task.town import Town

NAMES = ["a", "b", "c", "d", "e"]
PARENTS = {"d": "a", "e": "d"}  # the others are roots
names = st.sampled_from(NAMES)


def _sweep(root):
    return CancelPropagated(root, "enough")


class TownMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.town = Town()

    @initialize(
        auto=st.sets(names),
        drafts=st.sets(names, max_size=1),
        policy=st.sampled_from([ReviewPolicy.NONE, ReviewPolicy.ON_SUCCESS, ReviewPolicy.ALWAYS]),
    )
    def create(self, auto, drafts, policy):
        self.town.review_rules = ReviewRules(policy=policy, rounds_max=2)
        for name in NAMES:
            self.town.create(
                name,
                parent_task_id=PARENTS.get(name),
                auto_enqueue_on_ready=name in auto,
                draft=name in drafts,
                max_attempts=10,
            )

    def tell(self, name, command):
        """The code of the refusal, or None."""
        before = self.town.states.get(name)
        is_below_canceled = before is not None and self.is_canceled_from_above(before)
        try:
            self.town.do(name, command)
        except Rejected as refused:
            return refused.code
        if is_below_canceled:
            assert len(self.town.states[name].runs) <= len(before.runs)
        return None

    def is_canceled_from_above(self, task):
        """Whether a task above was canceled itself, by the tasks, not by the graph."""
        parent_id = task.parent_task_id
        if parent_id is None:
            return False
        parent = self.town.states[parent_id]
        return parent.canceled or self.is_canceled_from_above(parent)

    @rule(parent=names)
    def hand_in_a_child(self, parent):
        number = len(self.town.states)
        if number == len(NAMES) + 3:
            return
        fields = {"scope": Scope.GLOBAL, "title": "T", "parent_task_id": parent}
        code = self.tell(f"new-{number}", c.CreateTask(**fields))
        above = self.town.states[parent]
        if above.deleted:
            assert code is Code.TASK_NOT_FOUND
        elif above.canceled or self.is_canceled_from_above(above):
            assert code is Code.BELOW_CANCELED
        else:
            assert code is None

    @rule(name=names)
    def finish(self, name):
        """Take the task's work from wherever it is to its completion."""
        self.tell(name, c.PublishTask())
        self.tell(name, c.StartTask())
        run = self.town.states[name].open_run
        if run is not None:
            for command in (c.ClaimRun(run.id), c.StartRun(run.id), c.CompleteRun(run.id)):
                self.tell(name, command)

    @rule(name=names, outcome=st.sampled_from([ReviewOutcome.APPROVED, *ReviewOutcome]))
    def judge(self, name, outcome):
        open_reviews = self.town.states[name].open_reviews
        if open_reviews:
            missing = ("more",) if outcome is ReviewOutcome.REJECTED else ()
            verdict = Verdict(outcome, 0.5, "looked", "d", missing)
            self.tell(name, c.SubmitVerdict(open_reviews[0].id, open_reviews[0].run_id, verdict))

    @rule(name=names, attempt=st.integers(1, 3))
    def ask_for_a_review(self, name, attempt):
        runs = self.town.states[name].runs
        if runs:
            self.tell(name, c.RequestReview(runs[-1].id, attempt=attempt))

    @rule(name=names)
    def reopen(self, name):
        self.tell(name, c.EnqueueRun())

    @rule(name=names)
    def stop_run(self, name):
        run = self.town.states[name].open_run
        if run is not None:
            self.tell(name, c.ForceFail(run.id, "stuck"))

    @rule(name=names)
    def park(self, name):
        """The task's queued run is leased, and expires until it needs attention."""
        run = self.town.states[name].open_run
        while run is not None and run.status is RunStatus.QUEUED:
            if self.tell(name, c.LeaseRun(run.id, claimer("s1"), "sha256:1", 1)) is not None:
                return
            self.tell(name, c.ExpireLease(run.id))
            run = self.town.states[name].open_run

    @rule(name=names, blocker=names)
    def join(self, name, blocker):
        loops = blocker == name or self.town.graph.reaches(blocker, name)
        code = self.tell(name, c.AddDependency(blocker))
        assert not loops or code is not None
        assert loops or code is not Code.GRAPH_CYCLE

    @rule(name=names, blocker=names)
    def part(self, name, blocker):
        self.tell(name, c.RemoveDependency(blocker))

    @rule(name=names)
    def pause(self, name):
        self.tell(name, c.PauseTask("wait"))

    @rule(name=names)
    def resume(self, name):
        self.tell(name, c.ResumeTask())

    @rule(name=names, really=st.sampled_from([False, False, True]))
    def cancel_tree(self, name, really):
        if not really:
            return
        graph, before = self.town.graph, self.town.states[name]
        below = [self.town.states[found] for found, _ in graph.descendants(name)]
        nothing_open = before.has_ended and all(task.has_ended for task in below)
        code = self.tell(name, c.CancelTask("enough"))
        if code is not None:
            assert before.deleted or nothing_open
            return
        if before.has_ended and before.status is not TaskStatus.CANCELED:
            assert self.town.states[name].status is before.status
            assert not nothing_open
        sweeps = [one for one in self.town.pending if one.command == _sweep(name)]
        while sweeps:
            self.deliver(self.town.pending.index(sweeps[-1]))
            sweeps = [one for one in self.town.pending if one.command == _sweep(name)]
        for below, _ in self.town.graph.descendants(name):
            assert self.town.states[below].has_ended

    @rule(name=names, really=st.sampled_from([False, False, False, True]))
    def delete(self, name, really):
        if really:
            self.tell(name, c.DeleteTask())

    @precondition(lambda self: self.town.pending)
    @rule(which=st.integers(0, 1000))
    def deliver_any(self, which):
        self.deliver(which % len(self.town.pending))

    def deliver(self, index):
        effect = self.town.pending[index]
        before = self.town.states[effect.target]
        self.town.deliver(index)
        if isinstance(effect.command, BlockerDeleted) and effect.command.undone:
            assert len(self.town.states[effect.target].runs) == len(before.runs)
        if isinstance(effect.command, CancelPropagated):
            task = self.town.states[effect.target]
            assert task.deleted or task.has_ended

    @rule(order=st.randoms(use_true_random=False))
    def settle(self, order):
        """All effects arrive, in any order; effects of effects too."""
        town = self.town
        while town.pending:
            self.deliver(order.randrange(len(town.pending)))
        for task in town.states.values():
            for edge in task.dependencies:
                blocker = town.states[edge.depends_on_task_id]
                assert not blocker.deleted
                assert edge.done == blocker.is_done
        self.a_ready_task_has_got_its_run()

    def a_ready_task_has_got_its_run(self):
        for name, task in self.town.states.items():
            if not task.deleted and task.auto_enqueue_due and task.auto_enqueue_on_ready:
                paused = self.town.graph.paused_by(name) is not None
                assert paused or task.status is not TaskStatus.READY or task.open_run is not None

    @invariant()
    def the_graph_is_what_the_tasks_are(self):
        graph, states = self.town.graph, self.town.states
        rebuilt = Graph()
        restore_graph(rebuilt, states.values())
        assert rebuilt.paused_count == graph.paused_count
        for name, task in states.items():
            assert graph.exists(name) != task.deleted
            assert not graph.reaches(name, name)
            assert graph.is_completed(name) == (
                task.status is TaskStatus.COMPLETED and not task.deleted
            )
            assert graph.is_done(name) == (task.is_done and not task.deleted)
            assert graph.is_done(name) == rebuilt.is_done(name)
            assert graph.paused_by(name) == rebuilt.paused_by(name)
            assert graph.children(name) == rebuilt.children(name)
            assert graph.canceled_by(name) == rebuilt.canceled_by(name)
            assert graph.open_below(name) == rebuilt.open_below(name)
            assert graph.open_below(name) == sum(
                not states[found].has_ended for found, _ in graph.descendants(name)
            )

    @invariant()
    def one_cause_makes_one_run(self):
        for task in self.town.states.values():
            auto = [
                run.idempotency_key
                for run in task.runs
                if run.idempotency_key is not None
                and run.idempotency_key.startswith(f"task.auto_enqueue.{task.id}.")
            ]
            assert len(auto) == len(set(auto))
            assert sum(run.status is RunStatus.QUEUED for run in task.runs) <= 1


TestTown = TownMachine.TestCase
TestTown.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
