"""The approval gate: what a person must decide first."""

from typing import Final

from tests.scenarios.looks import backlog, history, inspect, runs, scheduler, task
from tests.scenarios.patterns import ABSENT, ANY
from tests.scenarios.story import OPERATOR, AnswerTo, Scenario, Step, Waiting, agent

BUILDER: Final = agent("sess-builder", "builder")

SCENARIO: Final = Scenario(
    "approval gate",
    follows=("release",),
    steps=(
        Step(
            "a person hands in a release",
            OPERATOR.post("/api/tasks", {"id": "release", "scope": "global", "title": "Release"}),
            201,
            again=409,
            shows={"task": {"id": "release", "status": "ready"}},
            sees=(task("release", status="ready", child_count=ABSENT), runs("release")),
        ),
        Step(
            "below it a deployment that somebody has to approve",
            OPERATOR.post(
                "/api/tasks/release/children",
                {
                    "id": "deploy",
                    "scope": "global",
                    "title": "Deploy everywhere",
                    "approval_policy": "manual",
                },
            ),
            201,
            again=409,
            sees=(
                task("deploy", status="blocked", approval_state="pending"),
                task("release", child_count=1),
                history("release", child_created=1),
            ),
        ),
        Step(
            "and a clean-up that somebody has to approve, too",
            OPERATOR.post(
                "/api/tasks/release/children",
                {
                    "id": "purge",
                    "scope": "global",
                    "title": "Purge the old one",
                    "approval_policy": "manual",
                },
            ),
            201,
            again=409,
            sees=(
                task("purge", status="blocked", approval_state="pending"),
                task("release", child_count=2),
            ),
        ),
        Step(
            "it cannot be started without that",
            OPERATOR.post("/api/tasks/deploy/start"),
            409,
            sees=(task("deploy", status="blocked"), runs("deploy")),
        ),
        Step(
            "an agent waits for work",
            Waiting("work", BUILDER.claims("first", wait=True)),
            sees=(scheduler(queued_run_count=0, active_claim_count=0),),
        ),
        Step(
            "somebody approves the deployment",
            OPERATOR.post("/api/tasks/deploy/approve"),
            201,
            shows={"run": {"id": ANY}, "task": {"approval_state": "approved"}},
            keeps={"run": "run.id"},
            sees=(
                task("deploy", status="ready", approval_state="approved"),
                history("deploy", approved=1, run_enqueued=1),
            ),
        ),
        Step(
            "the agent has the run that moment",
            AnswerTo("work"),
            shows={"claim": {"run": {"id": "{run}", "status": "claimed"}}},
            sees=(
                runs("deploy", {"id": "{run}", "status": "claimed", "session_id": "sess-builder"}),
                scheduler(active_claim_count=1, queued_run_count=0),
                inspect("deploy", next_action="running"),
            ),
        ),
        Step(
            "says that it begins",
            BUILDER.post("/api/task-runs/{run}/start", {"idempotency_key": "begin"}),
            shows={"run": {"status": "running"}},
            again=409,
            sees=(
                task("deploy", status="in_progress", current_run_id="{run}"),
                history("deploy", run_started=1),
            ),
        ),
        Step(
            "meanwhile somebody rejects the clean-up",
            OPERATOR.post("/api/tasks/purge/reject"),
            again=409,
            shows={"task": {"approval_state": "rejected"}},
            sees=(
                task("purge", status="blocked", approval_state="rejected"),
                history("purge", rejected=1),
                runs("purge"),
                backlog(),
            ),
        ),
        Step(
            "the agent is done",
            BUILDER.of_its_run("complete", "{run}", result={"regions": 3}),
            shows={"lease": {"status": "completed"}},
            sees=(
                task("deploy", status="completed", closed_at=ANY),
                runs("deploy", {"status": "completed", "result": {"regions": 3}}),
                history("deploy", run_completed=1),
                scheduler(active_claim_count=0),
                inspect("deploy", next_action="terminal"),
            ),
        ),
        Step(
            "what was approved and done is not approved again",
            OPERATOR.post("/api/tasks/deploy/approve"),
            409,
            sees=(
                task("deploy", status="completed"),
                history("deploy", approved=1),
                runs("deploy", "completed"),
            ),
        ),
    ),
)
