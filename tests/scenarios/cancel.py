"""Cancel of a tree in flight: some of it done, some at work, some waiting, some a draft."""

from typing import Any, Final

from tests.scenarios.looks import backlog, history, runs, scheduler, task
from tests.scenarios.patterns import ABSENT, ANY
from tests.scenarios.story import OPERATOR, Scenario, Step, agent

WRITER: Final = agent("sess-writer", "writer")
EDITOR: Final = agent("sess-editor", "editor")


def _hand_in(task_id: str, title: str, parent_id: str | None = None, **more: Any) -> Step:
    path = "/api/tasks" if parent_id is None else f"/api/tasks/{parent_id}/children"
    body = {"id": task_id, "scope": "global", "title": title, **more}
    below = "" if parent_id is None else f", below {parent_id}"
    return Step(f"{task_id} is handed in{below}", OPERATOR.post(path, body), 201, again=409)


SCENARIO: Final = Scenario(
    "cancel of a tree in flight",
    follows=("campaign",),
    steps=(
        _hand_in("campaign", "The campaign"),
        _hand_in("text", "The text", "campaign"),
        _hand_in("proof", "Proof-read it", "text"),
        _hand_in("images", "The images", "campaign"),
        _hand_in("video", "The video", "campaign", draft=True),
        _hand_in("post", "Post it", "campaign", auto_enqueue_on_ready=True),
        Step(
            "it is posted when there are images",
            OPERATOR.post("/api/tasks/post/dependencies", {"depends_on_task_id": "images"}),
            again=422,
            sees=(task("post", status="blocked", dependency_count=1),),
        ),
        Step(
            "work on the text begins",
            OPERATOR.post("/api/tasks/text/start"),
            201,
            keeps={"text": "run.id"},
        ),
        Step(
            "a writer takes it",
            WRITER.claims("text"),
            shows={"claim": {"run": {"id": "{text}"}}},
            sees=(runs("text", "claimed"),),
        ),
        Step(
            "and completes it",
            WRITER.of_its_run("complete", "{text}", result={"words": 900}),
            sees=(task("text", status="completed"),),
        ),
        Step(
            "work on the proofs begins",
            OPERATOR.post("/api/tasks/proof/start"),
            201,
            keeps={"proof": "run.id"},
        ),
        Step(
            "an editor takes them",
            EDITOR.claims("proof"),
            shows={"claim": {"run": {"id": "{proof}"}}},
        ),
        Step(
            "and is in the middle of them",
            EDITOR.post("/api/task-runs/{proof}/start", {"idempotency_key": "begin"}),
            again=409,
            sees=(task("proof", status="in_progress"),),
        ),
        Step(
            "the images wait for somebody",
            OPERATOR.post("/api/tasks/images/start"),
            201,
            sees=(backlog("images"), scheduler(active_claim_count=1, queued_run_count=1)),
        ),
        Step(
            "then the whole campaign is canceled",
            OPERATOR.post("/api/tasks/campaign/cancel", {"reason": "no budget"}),
            shows={"task": {"id": "campaign", "status": "canceled"}},
            sees=(
                task("campaign", status="canceled", closed_at=ANY),
                task("text", status="completed"),
                task("proof", status="canceled", current_run_id=ABSENT),
                task("images", status="canceled"),
                task("video", status="canceled"),
                task("post", status="canceled"),
                runs("text", {"status": "completed", "result": {"words": 900}}),
                runs("proof", "canceled"),
                runs("images", "canceled"),
                runs("post"),
                backlog(),
                scheduler(active_claim_count=0, queued_run_count=0),
                history("campaign", canceled=1),
                history("text", canceled=0),
                history("proof", canceled=1, run_canceled=1),
                history("images", canceled=1, run_canceled=1),
                history("video", canceled=1),
                history("post", canceled=1),
            ),
        ),
        Step(
            "the editor hears of it",
            EDITOR.of_its_run("complete", "{proof}", result={}),
            409,
            sees=(task("proof", status="canceled"), runs("proof", "canceled")),
        ),
        Step(
            "there is nothing else to do",
            WRITER.claims("more"),
            204,
        ),
        Step(
            "to cancel it again changes nothing",
            OPERATOR.post("/api/tasks/campaign/cancel", {"reason": "really"}),
            sees=(
                task("text", status="completed"),
                history("campaign", canceled=1),
                history("proof", canceled=1, run_canceled=1),
                history("images", canceled=1, run_canceled=1),
            ),
        ),
        Step(
            "and it stays canceled",
            OPERATOR.post("/api/tasks/images/start"),
            409,
            sees=(task("images", status="canceled"), runs("images", "canceled")),
        ),
        Step(
            "what was done stays done",
            OPERATOR.post("/api/tasks/text/start"),
            409,
            sees=(task("text", status="completed"), runs("text", "completed")),
        ),
        Step(
            "no child is made below it any more",
            OPERATOR.post("/api/tasks/text/children", {"scope": "global", "title": "More"}),
            409,
            sees=(task("text", status="completed", child_count=1),),
        ),
        _hand_in("next", "The next campaign"),
        Step(
            "nothing waits for what was canceled",
            OPERATOR.post("/api/tasks/next/dependencies", {"depends_on_task_id": "images"}),
            409,
            sees=(task("next", status="ready", dependency_count=ABSENT),),
        ),
    ),
)
