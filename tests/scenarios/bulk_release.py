"""Bulk release of a dead agent's runs: others go on with them, and the dead one comes too late."""

from typing import Any, Final

from tests.scenarios.looks import backlog, history, runs, scheduler, task
from tests.scenarios.patterns import ABSENT, ANY
from tests.scenarios.story import OPERATOR, Scenario, Step, agent

DEAD: Final = agent("sess-dead", "mover")
ALIVE: Final = agent("sess-alive", "mover")

_ALL: Final = ["{piano}", "{boxes}", "{plants}"]


def _in_the_queue(task_id: str, priority: str) -> tuple[Step, ...]:
    body = {"id": task_id, "scope": "global", "title": f"The {task_id}", "priority": priority}
    return (
        Step(
            f"the {task_id} have to be moved",
            OPERATOR.post("/api/tasks/house/children", body),
            201,
            again=409,
        ),
        Step(
            f"the {task_id} are queued",
            OPERATOR.post(f"/api/tasks/{task_id}/start"),
            201,
            keeps={task_id: "run.id"},
        ),
    )


def _released(run_id: str, **more: Any) -> dict[str, Any]:
    run = {"id": run_id, "status": "queued", "session_id": ABSENT, "lease_until": ABSENT, **more}
    return {"run_id": run_id, "ok": True, "run": run}


SCENARIO: Final = Scenario(
    "bulk release of a dead agent's runs",
    follows=("house",),
    options=("--max-leases-per-session=3",),
    steps=(
        Step(
            "a house has to be moved",
            OPERATOR.post("/api/tasks", {"id": "house", "scope": "global", "title": "Move"}),
            201,
            again=409,
        ),
        *_in_the_queue("boxes", "medium"),
        *_in_the_queue("plants", "low"),
        *_in_the_queue("piano", "urgent"),
        Step(
            "an agent takes the most urgent",
            DEAD.claims("first"),
            shows={"claim": {"run": {"id": "{piano}"}}},
        ),
        Step(
            "and the next",
            DEAD.claims("second"),
            shows={"claim": {"run": {"id": "{boxes}"}}},
        ),
        Step(
            "and the last, and is not heard of any more",
            DEAD.claims("third"),
            shows={"claim": {"run": {"id": "{plants}"}}},
            sees=(scheduler(active_claim_count=3, queued_run_count=0), backlog()),
        ),
        Step(
            "an operator gives all of them back, one of them by a wrong name",
            OPERATOR.post(
                "/api/runs/bulk/release",
                {"run_ids": [*_ALL, "run-of-nobody"], "reason": "the agent is dead"},
            ),
            again=200,
            shows={
                "results": [
                    *(_released(run_id) for run_id in _ALL),
                    {"run_id": "run-of-nobody", "ok": False, "error": ANY},
                ]
            },
            sees=(
                backlog("piano", "boxes", "plants"),
                scheduler(active_claim_count=0, queued_run_count=3),
                runs("piano", {"status": "queued", "attempt": 1, "session_id": ABSENT}),
                history("piano", run_released=1),
                history("boxes", run_released=1),
                history("plants", run_released=1),
            ),
        ),
        Step(
            "another agent goes on with the most urgent",
            ALIVE.claims("first"),
            shows={"claim": {"run": {"id": "{piano}", "attempt": 1}}},
            sees=(backlog("boxes", "plants"),),
        ),
        Step(
            "the dead one is not dead, but comes too late",
            DEAD.of_its_run("complete", "{piano}", result={"by": "dead"}),
            403,
            shows={"diagnostic": {"code": "AUTONOMY_FOREIGN_RUN"}},
            sees=(runs("piano", {"status": "claimed", "session_id": "sess-alive"}),),
        ),
        Step(
            "the other one completes it",
            ALIVE.of_its_run("complete", "{piano}", result={"by": "alive"}),
            sees=(
                task("piano", status="completed"),
                runs("piano", {"status": "completed", "result": {"by": "alive"}}),
            ),
        ),
        Step(
            "the rest is called off",
            OPERATOR.post(
                "/api/runs/bulk/fail",
                {"run_ids": ["{boxes}", "{plants}"], "reason": "they stay here"},
            ),
            again=200,
            shows={
                "results": [
                    {"run_id": "{boxes}", "ok": True, "run": {"failure_kind": "operator_forced"}},
                    {"run_id": "{plants}", "ok": True, "run": {"status": "failed"}},
                ]
            },
            sees=(
                runs("boxes", {"status": "failed", "error": "they stay here"}),
                runs("plants", {"status": "failed", "error": "they stay here"}),
                history("boxes", run_operator_forced_fail=1),
                history("plants", run_operator_forced_fail=1),
                backlog(),
                scheduler(active_claim_count=0, queued_run_count=0),
            ),
        ),
        Step(
            "but the boxes are needed after all",
            OPERATOR.post("/api/runs/{boxes}/retry"),
            201,
            again=409,
            shows={"previous_run": {"id": "{boxes}"}, "run": {"previous_run_id": "{boxes}"}},
            sees=(
                runs("boxes", "failed", {"status": "queued", "attempt": 2}),
                backlog("boxes"),
            ),
        ),
        Step(
            "and are moved",
            ALIVE.claims("boxes"),
            shows={"claim": {"run": {"attempt": 2, "previous_run_id": "{boxes}"}}},
            keeps={"boxes again": "claim.run.id"},
        ),
        Step(
            "in the end",
            ALIVE.of_its_run("complete", "{boxes again}", result={"by": "alive"}),
            sees=(
                task("boxes", status="completed"),
                runs("boxes", "failed", "completed"),
                scheduler(active_claim_count=0, queued_run_count=0),
            ),
        ),
    ),
)
