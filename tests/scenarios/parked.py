"""A run that no agent comes back from: it is put aside, and tried again when somebody says so."""

from typing import Final

from tests.scenarios.looks import backlog, history, inspect, runs, scheduler, task
from tests.scenarios.patterns import ABSENT, ANY
from tests.scenarios.story import OPERATOR, Scenario, Step, Told, agent

FIRST: Final = agent("sess-first", "digger")
SECOND: Final = agent("sess-second", "digger")
THIRD: Final = agent("sess-third", "digger")

SCENARIO: Final = Scenario(
    "a run that no agent comes back from",
    follows=("mine",),
    options=("--lease-expiries-max=2", "--boot-grace-s=1.5"),
    steps=(
        Step(
            "an old mine is to be looked at",
            OPERATOR.post("/api/tasks", {"id": "mine", "scope": "global", "title": "The mine"}),
            201,
            again=409,
        ),
        Step(
            "somebody has to go",
            OPERATOR.post("/api/tasks/mine/start"),
            201,
            keeps={"run": "run.id", "since": "run.queued_at"},
        ),
        Step(
            "an agent goes",
            FIRST.claims("go", lease_seconds=1),
            shows={"claim": {"run": {"id": "{run}", "attempt": 1}}},
            restless=True,
        ),
        Step(
            "and is not heard of again; the run is back in its place",
            Told("mine", "task.run_lease_expired"),
            sees=(
                runs(
                    "mine",
                    {"id": "{run}", "status": "queued", "queued_at": "{since}", "attempt": 1},
                ),
                backlog("mine"),
                scheduler(active_claim_count=0, needs_attention_run_count=0),
            ),
        ),
        Step(
            "another one goes",
            SECOND.claims("go", lease_seconds=1),
            shows={"claim": {"run": {"id": "{run}"}}},
            restless=True,
        ),
        Step(
            "and does not come back either; no third one is sent",
            Told("mine", "task.run_needs_attention"),
            sees=(
                task("mine", status="ready", current_run_id=ABSENT),
                runs("mine", {"id": "{run}", "status": "needs_attention", "error": ANY}),
                backlog(),
                scheduler(needs_attention_run_count=1, queued_run_count=0, active_claim_count=0),
                inspect("mine", "task_run_needs_attention", next_action="recovery_required"),
                history("mine", run_claimed=2, run_needs_attention=1),
            ),
        ),
        Step(
            "a third one finds nothing to do",
            THIRD.claims("go"),
            204,
        ),
        Step(
            "the first one was only slow, and comes too late",
            FIRST.of_its_run("complete", "{run}", result={"gold": 0}),
            409,
            sees=(runs("mine", "needs_attention"),),
        ),
        Step(
            "the operator has the mine propped up, and says go on",
            OPERATOR.post("/api/runs/{run}/recover", {"reason": "it is safe now"}),
            201,
            again=409,
            shows={"previous_run": {"status": "failed"}, "run": {"previous_run_id": "{run}"}},
            sees=(
                runs("mine", {"id": "{run}", "status": "failed"}, "queued"),
                backlog("mine"),
                scheduler(needs_attention_run_count=0, queued_run_count=1),
                history("mine", run_recovered_from_attention=1),
            ),
        ),
        Step(
            "the third one goes",
            THIRD.claims("go again"),
            shows={"claim": {"run": {"attempt": 2, "previous_run_id": "{run}"}}},
            keeps={"second": "claim.run.id"},
        ),
        Step(
            "and comes back",
            THIRD.of_its_run("complete", "{second}", result={"gold": 7}),
            sees=(
                task("mine", status="completed"),
                runs("mine", "failed", {"status": "completed", "result": {"gold": 7}}),
                scheduler(active_claim_count=0, queued_run_count=0, needs_attention_run_count=0),
                history("mine", run_claimed=3, run_completed=1),
            ),
        ),
    ),
)
