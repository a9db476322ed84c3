"""Review: two rejections, each with what is missing, and an approval."""

from typing import Any, Final

from tests.scenarios.looks import backlog, history, runs, scheduler, task
from tests.scenarios.patterns import ABSENT, ANY
from tests.scenarios.story import OPERATOR, Look, Scenario, Step, agent

WRITER: Final = agent("sess-writer", "writer")
REVIEWER: Final = agent("sess-reviewer", "reviewer")

_SECOND: Final = {
    "metadata": {"missing_work": ["sources"], "next_round_guidance": "name where it is from"}
}


def _reviews(run_id: str, *expected: dict[str, Any]) -> Look:
    return Look(f"/api/task-runs/{run_id}/reviews", {"reviews": list(expected)})


def _verdict(run_id: str, outcome: str, delivery_id: str, **more: Any) -> dict[str, Any]:
    verdict = {"outcome": outcome, "confidence": 0.9, "reason": f"it is {outcome}"}
    return {"run_id": run_id, "verdict": {**verdict, "delivery_id": delivery_id, **more}}


def _writes(attempt: int, run: str, **shown: Any) -> tuple[Step, ...]:
    return (
        Step(
            f"the writer takes attempt {attempt}",
            WRITER.claims(f"attempt {attempt}"),
            shows={"claim": {"run": {"attempt": attempt, **shown}}},
            keeps={run: "claim.run.id"},
        ),
        Step(
            f"and completes attempt {attempt}",
            WRITER.of_its_run("complete", f"{{{run}}}", result={"draft": attempt}),
            sees=(
                task("report", status="completed"),
                task("print", status="blocked"),
                _reviews(
                    f"{{{run}}}",
                    {"status": "requested", "review_round": attempt, "attempt": 1},
                ),
                history("report", run_review_requested=attempt),
            ),
        ),
        Step(
            f"the reviewer looks for what is to be judged of attempt {attempt}",
            REVIEWER.get(f"/api/task-runs/{{{run}}}/reviews?status=requested"),
            keeps={f"review of {run}": "reviews.0.review_id"},
        ),
    )


SCENARIO: Final = Scenario(
    "review with two rejections and an approval",
    follows=("report", "print"),
    options=("--review-policy=on_success",),
    steps=(
        Step(
            "a report is wanted",
            OPERATOR.post("/api/tasks", {"id": "report", "scope": "global", "title": "Report"}),
            201,
            again=409,
        ),
        Step(
            "it is to be printed",
            OPERATOR.post(
                "/api/tasks",
                {"id": "print", "scope": "global", "title": "Print", "auto_enqueue_on_ready": True},
            ),
            201,
            again=409,
        ),
        Step(
            "when it is there",
            OPERATOR.post("/api/tasks/print/dependencies", {"depends_on_task_id": "report"}),
            again=422,
            sees=(task("print", status="blocked"),),
        ),
        Step("work on it begins", OPERATOR.post("/api/tasks/report/start"), 201),
        *_writes(1, "first"),
        Step(
            "the writer cannot judge that",
            WRITER.post(
                "/api/task-reviews/{review of first}/verdict", _verdict("{first}", "approved", "v0")
            ),
            403,
            sees=(_reviews("{first}", {"status": "requested", "outcome": ABSENT}),),
        ),
        Step(
            "the reviewer rejects it",
            REVIEWER.post(
                "/api/task-reviews/{review of first}/verdict",
                _verdict(
                    "{first}",
                    "rejected",
                    "v1",
                    missing_work=["sources"],
                    next_round_guidance="name where it is from",
                ),
            ),
            shows={
                "review": {"status": "recorded", "outcome": "rejected"},
                "continuation_run": {"status": "queued", "attempt": 2, **_SECOND},
            },
            keeps={"second": "continuation_run.id"},
            sees=(
                task("report", status="ready"),
                runs("report", "completed", {"id": "{second}", "status": "queued", **_SECOND}),
                _reviews("{first}", {"status": "recorded", "outcome": "rejected"}),
                backlog("report"),
                history(
                    "report",
                    run_review_rejected=1,
                    run_review_retry_enqueued=1,
                    run_enqueued=2,
                ),
            ),
        ),
        *_writes(2, "second", id="{second}", **_SECOND),
        Step(
            "the reviewer rejects it once more",
            REVIEWER.post(
                "/api/task-reviews/{review of second}/verdict",
                _verdict("{second}", "rejected", "v2", missing_work=["a summary"]),
            ),
            shows={"continuation_run": {"attempt": 3, "metadata": ANY}},
            keeps={"third": "continuation_run.id"},
            sees=(
                runs("report", "completed", "completed", "queued"),
                history("report", run_review_rejected=2, run_review_retry_enqueued=2),
            ),
        ),
        *_writes(3, "third", id="{third}"),
        Step(
            "and is content with the third",
            REVIEWER.post(
                "/api/task-reviews/{review of third}/verdict",
                _verdict("{third}", "approved", "v3"),
            ),
            shows={
                "review": {"status": "recorded", "outcome": "approved"},
                "continuation_run": ABSENT,
            },
            sees=(
                task("report", status="completed", closed_at=ANY),
                runs("report", "completed", "completed", "completed"),
                _reviews("{third}", {"status": "recorded", "outcome": "approved"}),
                history("report", run_review_rejected=2, run_review_approved=1, run_enqueued=3),
                task("print", status="ready"),
                runs("print", "queued"),
                history("print", run_enqueued=1),
                scheduler(queued_run_count=1, active_claim_count=0),
            ),
        ),
        Step(
            "a change of mind comes too late",
            REVIEWER.post(
                "/api/task-reviews/{review of third}/verdict",
                _verdict("{third}", "rejected", "v4", missing_work=["more"]),
            ),
            409,
            sees=(
                task("report", status="completed"),
                history("report", run_review_rejected=2, run_review_approved=1),
            ),
        ),
    ),
)
