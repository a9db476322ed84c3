"""What is told of a run: each trouble from its border on, and each next action."""

import pytest
from attrs import evolve

from chargehand.actors.limits import NS, STUCK_S
from chargehand.actors.registry.state import SessionState
from chargehand.actors.task import commands as c
from chargehand.actors.task.effects import BlockerDeleted
from chargehand.actors.task.state import (
    ApprovalPolicy,
    Owner,
    OwnerKind,
    RunStatus,
    Scope,
    TaskStatus,
)
from chargehand.actors.views.diagnostics import Hold, Trouble
from chargehand.actors.views.holds import Blocker, Outside
from chargehand.actors.views.inspect import (
    Around,
    Inspection,
    SessionStanding,
    current_run,
    error_summary,
    failure_kind,
    heartbeat_age_s,
    inspect,
    recent_runs,
    shortened,
    standing_of,
)
from chargehand.actors.views.next_action import NextAction
from chargehand.actors.views.outcomes import Outcome, outcome_of
from chargehand.web.wording import command_of
from tests.actors.task.kit import START_NS, Bench, agent

S1 = SessionState("s1", "bot", None, None, None, (), False, START_NS, START_NS)
ELSEWHERE = evolve(S1, id="s2", workspace_id="w")
ENDED = evolve(S1, ended_at_ns=START_NS)
NOBODY_CAN = (
    pytest.param({}, (), id="no session"),
    pytest.param({}, (ELSEWHERE,), id="another workspace"),
    pytest.param({"owner": Owner(OwnerKind.POOL, "painter")}, (S1,), id="another owner"),
)
HELD = (
    pytest.param({"approval_policy": ApprovalPolicy.MANUAL}, id="an approval"),
    pytest.param({"owner": Owner(OwnerKind.HUMAN, "ann")}, id="a person"),
)


def around(bench: Bench, **known) -> Around:
    """What is known at the bench's time: one idle session that is active."""
    blockers = {
        edge.depends_on_task_id: Blocker(TaskStatus.READY) for edge in bench.task.dependencies
    }
    outside = Outside(
        scheduler_paused=known.pop("scheduler_paused", False),
        paused_by=known.pop("paused_by", None),
        blockers=known.pop("blockers", blockers),
        sessions=known.pop("sessions", (S1,)),
    )
    plain = Around(
        steady_ns=bench.now_ns,
        age_of=lambda at_ns: bench.now_ns - at_ns,
        outside=outside,
        bound_session=S1,
        stranded_after_s=300.0,
    )
    return evolve(plain, **known)


def looked_at(bench: Bench, **known) -> Inspection:
    return inspect(bench.task, current_run(bench.task), around(bench, **known))


def troubles(inspection: Inspection) -> list[Trouble]:
    return [d.about for d in inspection.diagnostics if isinstance(d.about, Trouble)]


def holds(inspection: Inspection) -> dict[Hold, str]:
    """What holds work back, each with the command that lifts it."""
    return {
        d.about: command_of(d.action) for d in inspection.diagnostics if isinstance(d.about, Hold)
    }


def failed_twice() -> Bench:
    """Two failed runs, the second in place of the first."""
    bench = Bench.leased()
    bench.do(c.FailLease(bench.latest.id, "boom"), agent("s1"))
    bench.do(c.RetryRun(bench.latest.id))
    bench.do(c.ForceFail(bench.latest.id, "again"))
    return bench


class TestStuck:
    def test_is_reported_when_nothing_was_heard_for_too_long(self):
        bench = Bench.leased()
        bench.pass_s(STUCK_S)
        assert troubles(looked_at(bench)) == []
        bench.pass_s(1)
        found = looked_at(bench)
        assert troubles(found) == [Trouble.STUCK]
        assert found.diagnostics[0].evidence == {
            "heartbeat_age_seconds": STUCK_S + 1,
            "threshold_seconds": STUCK_S,
        }
        assert found.next_action is NextAction.RECOVERY_REQUIRED

    def test_is_not_reported_after_a_heartbeat(self):
        bench = Bench.leased()
        bench.pass_s(STUCK_S + 1)
        bench.do(c.Heartbeat(bench.latest.id), agent("s1"))
        assert troubles(looked_at(bench)) == []

    def test_a_claim_of_an_operator_counts_from_the_claim(self):
        bench = Bench.with_run()
        bench.do(c.ClaimRun(bench.latest.id))
        bench.pass_s(STUCK_S + 1)
        assert troubles(looked_at(bench, bound_session=None)) == [Trouble.STUCK]

    def test_is_not_reported_of_a_run_that_was_started(self):
        bench = Bench.leased()
        bench.do(c.StartRun(bench.latest.id))
        bench.pass_s(STUCK_S + 1)
        assert troubles(looked_at(bench)) == []


class TestStaleLease:
    def test_is_reported_once_the_lease_is_over(self):
        bench = Bench.leased()
        until_ns = bench.latest.lease_until_ns
        assert until_ns is not None
        bench.do(c.StartRun(bench.latest.id))
        assert troubles(looked_at(bench, steady_ns=until_ns)) == []
        found = looked_at(bench, steady_ns=until_ns + 1)
        assert troubles(found) == [Trouble.STALE_LEASE]
        assert found.next_action is NextAction.RECOVERY_REQUIRED

    def test_is_reported_besides_that_it_is_stuck(self):
        bench = Bench.leased()
        bench.pass_s(301)
        assert troubles(looked_at(bench)) == [Trouble.STUCK, Trouble.STALE_LEASE]

    def test_is_not_reported_of_a_canceled_run_that_kept_its_time(self):
        bench = Bench.leased()
        bench.do(c.CancelRun(bench.latest.id))
        bench.pass_s(301)
        assert bench.latest.lease_until_ns is not None
        assert troubles(looked_at(bench)) == []


def held_by_operator() -> Bench:
    bench = Bench.with_run()
    bench.do(c.ClaimRun(bench.latest.id))
    bench.do(c.StartRun(bench.latest.id))
    return bench


def held_by_session() -> Bench:
    bench = Bench.with_run()
    bench.do(c.ClaimRun(bench.latest.id), agent("s1"))
    bench.do(c.StartRun(bench.latest.id), agent("s1"))
    return bench


class TestWithoutLease:
    @pytest.mark.parametrize("hold", [held_by_operator, held_by_session])
    def test_is_reported_of_a_run_that_nobody_touches_from_the_threshold_on(self, hold):
        bench = hold()
        bench.pass_s(299)
        assert troubles(looked_at(bench)) == []
        bench.pass_s(1)
        found = looked_at(bench)
        assert troubles(found) == [Trouble.WITHOUT_LEASE]
        [told] = found.diagnostics
        assert (told.about.code, told.about.severity.value) == ("run_without_lease", "warn")
        assert told.evidence["untouched_seconds"] == told.evidence["threshold_seconds"] == 300
        assert found.next_action is NextAction.RECOVERY_REQUIRED

    def test_the_command_frees_it_and_ends_no_work_if_it_can(self):
        bench = held_by_session()
        bench.pass_s(300)
        run_id = bench.latest.id
        [told] = looked_at(bench).diagnostics
        assert command_of(told.action) == "chargehand session end s1"
        assert told.evidence["session_id"] == "s1"
        [told] = looked_at(bench, sessions=()).diagnostics
        assert command_of(told.action) == f"chargehand run cancel {run_id}"
        bench = Bench.with_run()
        bench.do(c.ClaimRun(bench.latest.id), agent("s1"))
        bench.pass_s(300)
        told = looked_at(bench).diagnostics[-1]
        assert command_of(told.action) == f"chargehand run force-release {bench.latest.id}"

    def test_every_event_of_the_run_counts_as_a_touch(self):
        bench = Bench.with_run()
        bench.do(c.ClaimRun(bench.latest.id))
        for touch in (c.AttachSession(bench.latest.id, "s1"), c.StartRun(bench.latest.id)):
            bench.pass_s(299)
            bench.do(touch)
            assert bench.latest.untouched_since_ns == bench.now_ns
        bench.pass_s(299)
        assert Trouble.WITHOUT_LEASE not in troubles(looked_at(bench))

    def test_is_not_reported_of_a_run_under_a_lease_nor_of_one_that_has_ended(self):
        bench = Bench.leased()
        bench.do(c.StartRun(bench.latest.id))
        bench.pass_s(1000)
        assert Trouble.WITHOUT_LEASE not in troubles(looked_at(bench))
        bench = held_by_operator()
        bench.do(c.CompleteRun(bench.latest.id))
        bench.pass_s(1000)
        assert troubles(looked_at(bench)) == []


class TestOrphan:
    @pytest.mark.parametrize(("session", "state"), [(ENDED, "stopped"), (None, "missing")])
    def test_is_told_of_a_run_whose_session_is_gone(self, session, state):
        bench = Bench.leased()
        found = looked_at(bench, bound_session=session)
        assert troubles(found) == [Trouble.ORPHAN]
        assert found.diagnostics[0].evidence == {"session_id": "s1", "session_state": state}
        assert found.next_action is NextAction.RECOVERY_REQUIRED

    def test_a_run_that_has_ended_is_none(self):
        bench = Bench.leased()
        bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
        assert bench.latest.claim_token_hash is not None
        found = looked_at(bench, bound_session=ENDED)
        assert (troubles(found), found.next_action) == ([], NextAction.TERMINAL)

    def test_a_run_that_an_operator_started_without_a_session_is_none(self):
        bench = Bench.with_run()
        bench.do(c.ClaimRun(bench.latest.id))
        bench.do(c.StartRun(bench.latest.id))
        found = looked_at(bench, bound_session=None, sessions=())
        assert (troubles(found), found.next_action) == ([], NextAction.RUNNING)


class TestCrashed:
    def test_is_reported_of_the_latest_failed_run(self):
        bench = failed_twice()
        found = looked_at(bench)
        assert troubles(found) == [Trouble.CRASHED]
        assert found.diagnostics[0].evidence == {
            "last_error_summary": "again",
            "failure_kind": "operator_forced",
        }
        assert found.next_action is NextAction.RECOVERY_REQUIRED

    def test_an_open_review_is_what_comes_next(self):
        bench = failed_twice()
        bench.do(c.RequestReview(bench.latest.id))
        [review] = bench.task.open_reviews
        found = looked_at(bench)
        assert troubles(found) == [Trouble.CRASHED]
        assert command_of(found.diagnostics[0].action) == f"chargehand review show {review.id}"
        assert found.diagnostics[0].evidence["review_id"] == review.id
        assert found.next_action is NextAction.RECOVERY_REQUIRED

    def test_is_not_reported_of_one_that_was_tried_again(self):
        bench = failed_twice()
        found = inspect(bench.task, bench.task.runs[0], around(bench))
        assert (troubles(found), found.next_action) == ([], NextAction.TERMINAL)

    def test_a_canceled_run_takes_nobodys_place(self):
        bench = Bench.with_run()
        bench.do(c.ForceFail(bench.latest.id, "boom"))
        bench.do(c.RetryRun(bench.latest.id))
        bench.do(c.CancelRun(bench.latest.id))
        found = inspect(bench.task, bench.task.runs[0], around(bench))
        assert troubles(found) == [Trouble.CRASHED]

    def test_a_canceled_task_needs_no_recovery(self):
        bench = failed_twice()
        bench.do(c.EnqueueRun())
        bench.do(c.CancelTask())
        found = inspect(bench.task, bench.task.runs[1], around(bench))
        assert (troubles(found), found.next_action) == ([], NextAction.TERMINAL)


class TestStranded:
    @pytest.mark.parametrize(("fields", "sessions"), NOBODY_CAN)
    def test_is_reported_when_nobody_could_claim_it_for_long(self, fields, sessions):
        bench = Bench.with_run(**fields)
        bench.pass_s(299.9)
        found = looked_at(bench, sessions=sessions)
        assert (troubles(found), found.next_action) == ([], NextAction.WAITING_FOR_SESSION)
        bench.pass_s(0.1)
        found = looked_at(bench, sessions=sessions)
        assert (troubles(found), found.next_action) == ([Trouble.STRANDED], NextAction.STRANDED)
        assert found.diagnostics[0].evidence == {
            "queued_age_seconds": 300,
            "threshold_seconds": 300,
            "eligible_session_count": 0,
            "scheduler_paused": False,
        }

    def test_capabilities_and_workspace_count(self):
        bench = Bench.created(scope=Scope.WORKSPACE, workspace_id="w")
        bench.do(c.EnqueueRun(c.Enqueueing(required_capabilities=("paint",))))
        bench.pass_s(301)
        assert troubles(looked_at(bench, sessions=(S1, ELSEWHERE))) == [Trouble.STRANDED]
        painter = evolve(ELSEWHERE, capabilities=("paint",))
        found = looked_at(bench, sessions=(painter,))
        assert (troubles(found), found.next_action) == ([], NextAction.CLAIM_AVAILABLE)

    @pytest.mark.parametrize("fields", HELD)
    def test_is_not_reported_of_what_no_agent_may_have_yet(self, fields):
        bench = Bench.with_run(**fields)
        bench.pass_s(301)
        found = looked_at(bench, sessions=())
        assert (troubles(found), found.next_action) == ([], NextAction.WAITING_FOR_SESSION)

    @pytest.mark.parametrize("pause", [{"scheduler_paused": True}, {"paused_by": "t"}])
    def test_is_not_reported_during_a_pause(self, pause):
        bench = Bench.with_run()
        bench.pass_s(301)
        found = looked_at(bench, sessions=(), **pause)
        assert (troubles(found), found.next_action) == ([], NextAction.WAITING_FOR_SESSION)


class TestHolds:
    """Why nobody works on a task, and what changes that."""

    def test_nothing_holds_back_what_can_be_claimed(self):
        assert looked_at(Bench.with_run()).diagnostics == ()

    def test_nothing_is_reported_of_work_under_way_or_over(self):
        bench = Bench.leased()
        held = {"scheduler_paused": True, "paused_by": "t", "sessions": ()}
        assert holds(looked_at(bench, **held)) == {}
        bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
        assert holds(looked_at(bench, **held)) == {}

    @pytest.mark.parametrize(
        ("fields", "hold", "command"),
        [
            ({}, Hold.NO_RUN, "task start t"),
            ({"draft": True}, Hold.DRAFT, "task publish t"),
            ({"approval_policy": ApprovalPolicy.MANUAL}, Hold.AWAITS_APPROVAL, "task approve t"),
        ],
    )
    def test_of_a_task_without_a_run(self, fields, hold, command):
        bench = Bench.created(**fields)
        assert holds(looked_at(bench)) == {hold: f"chargehand {command}"}

    def test_a_refused_approval(self):
        bench = Bench.with_run(approval_policy=ApprovalPolicy.MANUAL)
        bench.do(c.RejectTask())
        command = "chargehand task update t --approval-policy none"
        assert holds(looked_at(bench)) == {Hold.REJECTED: command}

    def test_a_dependency_is_looked_at_and_one_that_ended_taken_away(self):
        bench = Bench.with_run()
        bench.block("b")
        bench.block("c")
        found = looked_at(bench)
        assert holds(found) == {Hold.AWAITS_DEPENDENCIES: "chargehand task inspect b"}
        assert found.diagnostics[0].message == "t waits for b (ready), c (ready)"
        ended = {"b": Blocker(TaskStatus.READY), "c": Blocker(TaskStatus.CANCELED)}
        command = "chargehand task remove-dependency t c"
        assert holds(looked_at(bench, blockers=ended)) == {Hold.AWAITS_DEPENDENCIES: command}

    def test_a_dependency_that_was_deleted_undone(self):
        bench = Bench.created()
        for blocker in ("b", "c"):
            bench.block(blocker)
            bench.do(BlockerDeleted(blocker, undone=True))
        found = looked_at(bench)
        command = "chargehand task start t"
        assert holds(found) == {Hold.LOST_BLOCKER: command, Hold.NO_RUN: command}
        assert found.diagnostics[0].message == (
            "t depended on b, c, which were deleted before being completed; nothing is queued by "
            "itself: start it if it can be done without"
        )
        assert found.diagnostics[0].evidence == {"deleted_task_ids": "b c"}

    def test_a_dependency_that_was_deleted_undone_under_a_queued_run(self):
        bench = Bench.with_run()
        bench.block("b")
        bench.do(BlockerDeleted("b", undone=True))
        found = looked_at(bench)
        run_id = bench.latest.id
        assert holds(found) == {Hold.LOST_BLOCKER: f"chargehand run cancel {run_id}"}
        assert found.next_action is NextAction.CLAIM_AVAILABLE
        bench.lease()
        assert holds(looked_at(bench)) == {}

    def test_pauses_are_all_reported(self):
        found = looked_at(Bench.with_run(), paused_by="parent", scheduler_paused=True)
        assert holds(found) == {
            Hold.PAUSED: "chargehand task resume parent",
            Hold.SCHEDULER_PAUSED: "chargehand scheduler resume",
        }
        assert found.diagnostics[0].message == "t is paused with parent above it"

    @pytest.mark.parametrize("pause", [{"scheduler_paused": True}, {"paused_by": "parent"}])
    def test_a_pause_hides_no_other_hold(self, pause):
        """Else it comes up only when the pause is over, and nothing happens then."""
        found = looked_at(Bench.with_run(), sessions=(), **pause)
        assert Hold.NO_TAKER in holds(found)
        assert len(holds(found)) == 2

    def test_an_owner_who_is_a_person(self):
        bench = Bench.with_run(owner=Owner(OwnerKind.HUMAN, "ann"))
        assert holds(looked_at(bench)) == {Hold.OWNED: f"chargehand run claim {bench.latest.id}"}

    def test_what_a_session_would_have_to_be(self):
        bench = Bench.created(owner=Owner(OwnerKind.POOL, "painter"))
        bench.do(c.EnqueueRun(c.Enqueueing(required_capabilities=("paint", "draw"))))
        found = looked_at(bench)
        assert holds(found) == {Hold.NO_TAKER: "chargehand session list"}
        assert found.diagnostics[0].message == (
            f"run {bench.latest.id} waits for a session with the capabilities draw, paint,"
            " of the owner pool painter"
        )


class TestNextAction:
    def test_of_a_task_without_a_run(self):
        bench = Bench.created()
        assert looked_at(bench).next_action is NextAction.WAITING_FOR_SESSION
        bench.do(c.CancelTask())
        assert looked_at(bench) == Inspection((), NextAction.TERMINAL)

    def test_of_a_queued_run(self):
        bench = Bench.with_run()
        assert looked_at(bench).next_action is NextAction.CLAIM_AVAILABLE
        assert looked_at(bench, sessions=()).next_action is NextAction.WAITING_FOR_SESSION
        paused = looked_at(bench, paused_by="t")
        assert paused.next_action is NextAction.WAITING_FOR_SESSION

    def test_of_a_blocked_run(self):
        bench = Bench.with_run()
        bench.block()
        assert looked_at(bench).next_action is NextAction.WAITING_FOR_SESSION

    def test_of_a_run_at_work(self):
        bench = Bench.leased()
        assert looked_at(bench).next_action is NextAction.RUNNING
        bench.do(c.StartRun(bench.latest.id))
        assert looked_at(bench).next_action is NextAction.RUNNING

    def test_of_a_canceled_run(self):
        bench = Bench.with_run()
        bench.do(c.CancelRun(bench.latest.id))
        assert looked_at(bench).next_action is NextAction.TERMINAL

    def test_of_a_parked_run(self):
        bench = Bench.with_run()
        bench.park()
        assert bench.latest.status is RunStatus.NEEDS_ATTENTION
        found = looked_at(bench)
        assert (troubles(found), found.next_action) == (
            [Trouble.NEEDS_ATTENTION],
            NextAction.RECOVERY_REQUIRED,
        )
        [told] = found.diagnostics
        assert "ran out 5 times in a row" in told.message
        assert command_of(told.action) == f"chargehand run recover {bench.latest.id}"


class TestInAFewWords:
    def test_recent_runs_are_the_latest_five(self):
        bench = Bench.created(max_attempts=10)
        for _ in range(7):
            bench.do(c.EnqueueRun())
            bench.do(c.CancelRun(bench.latest.id))
        assert [run.attempt for run in recent_runs(bench.task)] == [7, 6, 5, 4, 3]
        assert current_run(bench.task) is bench.latest

    def test_a_task_without_runs_has_none(self):
        bench = Bench.created()
        assert (current_run(bench.task), recent_runs(bench.task)) == (None, [])

    def test_the_age_of_a_heartbeat_is_in_whole_seconds(self):
        bench = Bench.leased()
        now_ns = bench.now_ns
        assert heartbeat_age_s(bench.latest, lambda at_ns: now_ns - at_ns) == 0
        assert heartbeat_age_s(bench.latest, lambda at_ns: now_ns + 2 * NS - 1 - at_ns) == 1

    def test_an_error_is_cut_between_characters(self):
        assert shortened("  " + "é" * 100) == "é" * 80
        assert shortened("x" + "é" * 100) == "x" + "é" * 79
        assert shortened("a" * 159 + " b") == "a" * 159

    def test_a_run_that_failed_by_itself_says_so(self):
        bench = Bench.leased()
        assert (failure_kind(bench.latest), error_summary(bench.latest)) == (None, None)
        bench.do(c.FailLease(bench.latest.id, "boom"), agent("s1"))
        assert (failure_kind(bench.latest), error_summary(bench.latest)) == ("error", "boom")

    def test_a_session_stands_somewhere(self):
        assert [standing_of(session) for session in (S1, ENDED, None)] == list(SessionStanding)


@pytest.mark.parametrize(
    ("event_type", "outcome"),
    [
        ("task.run_completed", Outcome.SUCCESS),
        ("task.run_operator_forced_fail", Outcome.FAILURE),
        ("task.run_lease_expired", Outcome.WARNING),
        ("task.updated", Outcome.INFO),
    ],
)
def test_events_have_outcomes(event_type, outcome):
    assert outcome_of(event_type) is outcome
