"""Any sequence of commands and effects on one task: the laws hold, and nothing ever crashes."""

from functools import partial

from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chargehand.actors.clock import NS
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import BOOT_RECOVERY, REVIEW_DEADLINES, SCHEDULER
from chargehand.actors.task import commands as c
from chargehand.actors.task import effects as f
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, ReviewRules, Verdict
from chargehand.actors.task.state import (
    ApprovalPolicy,
    Json,
    Owner,
    OwnerKind,
    Priority,
    RunStatus,
    Scope,
    TaskStatus,
)
from chargehand.actors.task.subscription import DeliveryMode, Target
from tests.actors.task.kit import OPERATOR, Bench, agent, claimer

sessions = st.sampled_from(["s1", "s2"])
callers = st.sampled_from([OPERATOR, OPERATOR, agent("s1"), agent("s2")])
subscriptions = st.sampled_from(["sub-1", "sub-2", "sub-other"])
blockers = st.sampled_from(["b1", "b2"])
jsons = st.sampled_from([None, Json(b"null"), Json(b'{"a":1}')])
seconds = st.sampled_from([1, 60, 300])
flags = st.sampled_from([None, True, False])
# Mostly the latest run: what has ended refuses everything.
picks = st.sampled_from(["latest", "latest", "latest", "latest", "any", "unknown"])
keys = st.sampled_from([None, None, "k1", "k2", "taken"])
enqueueings = st.builds(
    c.Enqueueing,
    idempotency_key=keys,
    network_channel=st.sampled_from([None, "ops"]),
    metadata=jsons,
)


class TaskMachine(RuleBasedStateMachine):
    """The world around is the machine's too: blockers complete, and a parent is paused."""

    def __init__(self):
        super().__init__()
        self.bench = Bench()
        self.bench.expiries_max = 2
        self.bench.review_rules = ReviewRules(rounds_max=4, rapid_runs=2)
        around = self.bench.around
        around.parents["p"] = Parent(Scope.GLOBAL, None, 1, 0)
        around.subscriptions["sub-other"] = "other"
        around.keys["taken", OPERATOR.actor] = ("other", "run-other")
        self.causes = 0

    @initialize(
        draft=st.booleans(),
        policy=st.sampled_from(ApprovalPolicy),
        auto=st.booleans(),
        max_attempts=st.sampled_from([2, 10]),
        scope=st.sampled_from(Scope),
    )
    def create(self, draft, policy, auto, max_attempts, scope):
        command = c.CreateTask(
            scope=scope,
            workspace_id="ws_1" if scope is Scope.WORKSPACE else None,
            title="T",
            parent_task_id="p",
            draft=draft,
            approval_policy=policy,
            auto_enqueue_on_ready=auto,
            max_attempts=max_attempts,
        )
        self.bench.do(command)
        assert not self.bench.task.runs

    def tell(self, command, caller=OPERATOR):
        """Whether it was accepted."""
        before = self.bench.state
        refusal = None
        try:
            self.bench.do(command, caller)
        except Rejected as refused:
            refusal = refused
        if refusal is None:
            self.check_new_work(before)
            return True
        assert self.bench.state is before
        assert refusal.message
        assert not before.deleted or refusal.code is Code.TASK_NOT_FOUND
        return False

    def check_new_work(self, before):
        """No run was made below a canceled task, or to wait for one."""
        around, after = self.bench.around, self.bench.task
        if before is not None and len(after.runs) > len(before.runs):
            assert "p" not in around.canceled
            waits_for = {e.depends_on_task_id for e in after.dependencies if not e.done}
            assert not waits_for & set(around.canceled)

    def pick(self, data_pick, number):
        runs = self.bench.task.runs
        if not runs or data_pick == "unknown":
            return "run-unknown"
        return runs[-1 if data_pick == "latest" else number % len(runs)].id

    # --- the task -------------------------------------------------------------------------------

    @rule(
        command=st.one_of(
            st.builds(c.PublishTask, enqueueings),
            st.builds(c.StartTask, enqueueings),
            st.builds(c.StartTask, enqueueings),
            st.builds(c.ApproveTask, enqueueings),
            st.builds(c.EnqueueRun, enqueueings),
            st.just(c.RejectTask()),
        ),
        caller=callers,
    )
    def ask_for_a_run(self, command, caller):
        before = self.bench.task
        if self.tell(command, caller) and not isinstance(command, c.RejectTask):
            assert self.bench.task.runs
            if self.bench.task is not before:
                assert self.bench.task.open_run is not None

    @rule(
        title=st.sampled_from([None, "T", "U", " "]),
        description=st.sampled_from([None, "", "D"]),
        priority=st.sampled_from([None, *Priority]),
        max_attempts=st.sampled_from([None, None, 0, 1, 2, 10]),
        auto_enqueue_on_ready=flags,
        approval_policy=st.sampled_from([None, None, *ApprovalPolicy]),
        metadata=jsons,
        network_channel=st.sampled_from([None, "", "dev", "No"]),
        owner=st.sampled_from([None, None, Owner(OwnerKind.POOL, "a"), Owner(OwnerKind.HUMAN, "")]),
        clear_owner=st.booleans(),
    )
    def patch(self, **fields):
        self.tell(c.PatchTask(**fields))

    @rule(metadata=jsons)
    def cancel(self, metadata):
        self.tell(c.CancelTask("enough", metadata))

    @rule(caller=callers)
    def pause(self, caller):
        self.tell(c.PauseTask("wait"), caller)

    @rule(caller=callers)
    def resume(self, caller):
        self.tell(c.ResumeTask(), caller)

    @rule(really=st.sampled_from([False, False, False, False, True]), children=st.integers(0, 1))
    def delete(self, really, children):
        self.bench.around.children[self.bench.task_id] = children
        if really:
            self.tell(c.DeleteTask())

    # --- subscriptions --------------------------------------------------------------------------

    @rule(subscription_id=subscriptions, mode=st.sampled_from(DeliveryMode))
    def subscribe(self, subscription_id, mode):
        accepted = self.tell(c.Subscribe("ops", Target(mode, peer_id="p"), subscription_id))
        assert accepted == (not self.bench.task.deleted and subscription_id != "sub-other")

    @rule(subscription_id=subscriptions)
    def unsubscribe(self, subscription_id):
        self.tell(c.Unsubscribe(subscription_id))

    @rule(subscription_id=subscriptions, delivered=st.booleans(), early=st.booleans())
    def note_delivery(self, subscription_id, delivered, early):
        known = self.bench.task.subscription(subscription_id)
        seq = known.due[0] if known is not None and known.due and not early else 1
        set_at_ns = 0 if known is None else known.updated_at_ns
        note = (
            c.NoteDelivery
            if delivered
            else partial(c.NoteFailedDelivery, error="down", set_at_ns=set_at_ns)
        )
        self.tell(note(subscription_id, seq))
        if known is not None and delivered and not early:
            assert seq not in self.bench.task.subscription(subscription_id).due

    @rule(
        subscription_id=subscriptions,
        how=st.sampled_from([c.GiveUpDelivery, c.TurnOffSubscription]),
    )
    def note_that_it_is_over(self, subscription_id, how):
        known = self.bench.task.subscription(subscription_id)
        if known is not None and known.due:
            self.tell(how(subscription_id, known.due[0], "down", known.updated_at_ns))

    @rule(subscription_id=st.none() | subscriptions)
    def send_again(self, subscription_id):
        self.tell(c.SendAgain(subscription_id))

    # --- dependencies ---------------------------------------------------------------------------

    @rule(blocker=blockers)
    def add_dependency(self, blocker):
        self.bench.around.tasks.add(blocker)
        self.tell(c.AddDependency(blocker))

    @rule(blocker=blockers)
    def remove_dependency(self, blocker):
        self.tell(c.RemoveDependency(blocker))

    @rule(blocker=blockers, approved=st.booleans())
    def complete_blocker(self, blocker, approved):
        """Or approve it, where it was completed before."""
        around = self.bench.around
        if blocker in around.canceled:
            return
        if not approved and blocker not in around.completed:
            around.unapproved.add(blocker)
        else:
            around.unapproved.discard(blocker)
        around.completed.add(blocker)
        self.causes += 1
        before = len(self.bench.task.runs)
        assert self.tell(f.BlockerCompleted(blocker, f"run-{self.causes}"), agent("s9"))
        assert len(self.bench.task.runs) <= before + 1
        for edge in self.bench.task.dependencies:
            assert edge.done <= around.is_done(edge.depends_on_task_id)

    @rule(blocker=blockers)
    def reopen_blocker(self, blocker):
        self.bench.around.completed.discard(blocker)
        assert self.tell(f.BlockerReopened(blocker), agent("s9"))

    @rule(
        effect=st.one_of(
            st.builds(f.BlockerDeleted, blockers, st.booleans()),
            st.builds(f.BlockerCompleted, blockers, st.just("run-late")),
            st.builds(f.BlockerReopened, blockers),
            st.just(f.ChildAdded("child", Scope.GLOBAL)),
        )
    )
    def late_effect(self, effect):
        before = self.bench.task
        assert self.tell(effect, SCHEDULER)
        if isinstance(effect, f.BlockerDeleted) and effect.undone:
            assert len(self.bench.task.runs) == len(before.runs)

    @rule(root=st.just("p"), really=st.sampled_from([False, False, True]))
    def cancel_from_above(self, root, really):
        if really:
            assert self.tell(f.CancelPropagated(root, "enough"))

    @rule(really=st.sampled_from([False, False, False, True]))
    def cancel_above(self, really):
        """The graph knows of it before the sweep arrives here, which passes by what has ended."""
        if really:
            self.bench.around.canceled["p"] = "p"

    @rule(blocker=blockers, really=st.sampled_from([False, False, False, True]))
    def cancel_blocker(self, blocker, really):
        if really and blocker not in self.bench.around.completed:
            self.bench.around.canceled[blocker] = blocker

    @rule(paused=st.booleans())
    def pause_above(self, paused):
        if paused:
            self.bench.around.paused["p"] = "p"
        else:
            self.bench.around.paused.clear()
            assert self.tell(f.AncestorResumed("p"))

    # --- runs -----------------------------------------------------------------------------------

    @precondition(lambda self: self.bench.task.open_run is not None)
    @rule(session=sessions, length_s=seconds)
    def lease(self, session, length_s):
        run = self.bench.task.open_run
        command = c.LeaseRun(
            run.id, claimer(session), f"sha256:{self.bench.decided}", length_s, "claim"
        )
        if self.tell(command, agent(session)):
            assert run.status is RunStatus.QUEUED
            assert not self.bench.task.is_gated
            assert self.bench.task.owner is None
            assert self.bench.task.pause is None
            assert not self.bench.around.paused

    @rule(data=st.data(), pick=picks, number=st.integers(0, 9), session=sessions, body=jsons)
    def work(self, data, pick, number, session, body):
        run_id = self.pick(pick, number)
        run = self.bench.task.run(run_id)
        command = data.draw(
            st.sampled_from(
                [
                    c.Heartbeat(run_id, 60),
                    c.ReleaseRun(run_id),
                    c.CompleteLease(run_id, body),
                    c.FailLease(run_id, "broken", body),
                ]
            )
        )
        before = self.bench.task
        if self.tell(command, agent(session)) and self.bench.task is not before:
            assert run.session_id == session
            assert run.is_leased
            assert run.lease_until_ns > self.bench.now_ns

    @rule(data=st.data(), pick=picks, number=st.integers(0, 9), caller=callers, session=sessions)
    def operate(self, data, pick, number, caller, session):
        run_id = self.pick(pick, number)
        command = data.draw(
            st.sampled_from(
                [
                    c.ClaimRun(run_id),
                    c.StartRun(run_id),
                    c.AttachSession(run_id, session),
                    c.CompleteRun(run_id),
                    c.FailRun(run_id, "broken"),
                    c.CancelRun(run_id),
                    c.ForceRelease(run_id),
                    c.ForceFail(run_id, "stuck"),
                    c.RetryRun(run_id),
                    c.RecoverRun(run_id),
                    c.RecoverRun(run_id, "looked at it"),
                ]
            )
        )
        self.tell(command, caller)

    @rule(policy=st.sampled_from(ReviewPolicy))
    def review_what_ends(self, policy):
        self.bench.review_rules = evolve(self.bench.review_rules, policy=policy)

    @rule(
        pick=picks,
        number=st.integers(0, 9),
        policy=st.sampled_from([None, *ReviewPolicy]),
        attempt=st.integers(0, 2),
        after_s=st.sampled_from([None, 0, 60]),
    )
    def ask_for_a_review(self, pick, number, policy, attempt, after_s):
        deadline_ns = None if after_s is None else self.bench.now_ns + after_s * NS
        if policy is not ReviewPolicy.NONE:
            self.tell(
                c.RequestReview(
                    self.pick(pick, number), policy, attempt=attempt, deadline_at_ns=deadline_ns
                )
            )

    @rule(number=st.integers(0, 9), outcome=st.sampled_from(ReviewOutcome), caller=callers)
    def judge(self, number, outcome, caller):
        reviews = self.bench.task.reviews
        if not reviews:
            return
        review = reviews[number % len(reviews)]
        missing = ("tests",) if outcome is ReviewOutcome.REJECTED else ()
        verdict = Verdict(outcome, 0.5, "looked", "d", missing)
        command = c.SubmitVerdict(review.id, review.run_id, verdict)
        if self.tell(command, caller):
            assert caller.actor.ref != self.bench.task.run(review.run_id).session_id
            assert self.bench.task.review(review.id).verdict == verdict
            now = self.bench.task
            assert self.tell(command, caller)
            assert self.bench.task is now

    @rule(pick=picks, number=st.integers(0, 9), session=sessions, after_s=seconds)
    def messages_of_the_system(self, pick, number, session, after_s):
        run_id = self.pick(pick, number)
        not_before_ns = self.bench.now_ns + after_s * NS
        for command, caller in [
            (c.ExpireLease(run_id), SCHEDULER),
            (c.NoteStarvation(run_id), SCHEDULER),
            (c.NoteNeglect(run_id, self.bench.now_ns - after_s * NS), SCHEDULER),
            (c.ExtendLease(run_id, not_before_ns), BOOT_RECOVERY),
            (c.ReleaseOfEndedSession(run_id, session, "session_ended"), SCHEDULER),
        ]:
            if not self.bench.task.deleted:
                assert self.tell(command, caller)

    @rule(passed_s=st.sampled_from([0, 1, 59, 60, 300]))
    def time_passes(self, passed_s):
        self.bench.pass_s(passed_s)
        for run in self.bench.task.runs:
            if run.is_leased and run.lease_until_ns <= self.bench.now_ns:
                assert self.tell(c.ExpireLease(run.id), SCHEDULER)
                assert not self.bench.task.run(run.id).is_leased
        for review in self.bench.task.open_reviews:
            assert self.tell(c.TimeOutReview(review.id), REVIEW_DEADLINES)
            is_over = review.deadline_at_ns <= self.bench.now_ns
            assert self.bench.task.review(review.id).is_open != is_over

    # --- always ---------------------------------------------------------------------------------

    @invariant()
    def a_task_that_is_ready_and_unpaused_owes_no_run(self):
        task = self.bench.state
        if task is None or task.deleted:
            return
        if task.auto_enqueue_due and task.status is TaskStatus.READY and task.open_run is None:
            held_back = task.pause is not None or "p" in self.bench.around.paused
            exhausted = task.attempts_used >= task.max_attempts
            assert held_back or exhausted or not task.auto_enqueue_on_ready


TestTask = TaskMachine.TestCase
TestTask.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
