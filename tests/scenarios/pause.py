"""Pause of a parent: what is below it is held, what is under way goes on."""

from typing import Any, Final

from tests.scenarios.looks import backlog, history, runs, scheduler, task
from tests.scenarios.patterns import ABSENT, ANY
from tests.scenarios.story import OPERATOR, AnswerTo, Scenario, Step, Waiting, agent

WRITER: Final = agent("sess-writer", "writer")
PAINTER: Final = agent("sess-painter", "painter")

_HELD: Final = {"effective_paused": True, "paused_by_task_id": "site", "paused": ABSENT}
_FREE: Final = {"effective_paused": ABSENT, "paused_by_task_id": ABSENT}


def _hand_in(task_id: str, title: str, parent_id: str, **more: Any) -> Step:
    body = {"id": task_id, "scope": "global", "title": title, **more}
    name = f"{task_id} is handed in, below {parent_id}"
    return Step(name, OPERATOR.post(f"/api/tasks/{parent_id}/children", body), 201, again=409)


SCENARIO: Final = Scenario(
    "pause of a parent",
    follows=("site",),
    steps=(
        Step(
            "a new site is handed in",
            OPERATOR.post("/api/tasks", {"id": "site", "scope": "global", "title": "The site"}),
            201,
            again=409,
        ),
        _hand_in("pages", "The pages", "site"),
        _hand_in("pictures", "The pictures", "pages"),
        _hand_in("announce", "Announce it", "site", auto_enqueue_on_ready=True),
        Step(
            "it is announced when there are pages",
            OPERATOR.post("/api/tasks/announce/dependencies", {"depends_on_task_id": "pages"}),
            again=422,
            sees=(task("announce", status="blocked"),),
        ),
        Step(
            "work on the pages begins",
            OPERATOR.post("/api/tasks/pages/start"),
            201,
            keeps={"pages": "run.id"},
        ),
        Step(
            "a writer takes them",
            WRITER.claims("pages"),
            shows={"claim": {"run": {"id": "{pages}"}}},
        ),
        Step(
            "the pictures are queued",
            OPERATOR.post("/api/tasks/pictures/start"),
            201,
            keeps={"pictures": "run.id"},
            sees=(backlog("pictures"),),
        ),
        Step(
            "whoever holds it all up must say why",
            OPERATOR.post("/api/tasks/site/pause", {}),
            422,
            shows={"diagnostic": {"code": "force_op_requires_reason"}},
            sees=(task("site", paused=ABSENT), backlog("pictures")),
        ),
        Step(
            "legal has a question",
            OPERATOR.post("/api/tasks/site/pause", {"reason": "legal has a question"}),
            shows={"task": {"paused": True, "paused_reason": "legal has a question"}},
            sees=(
                task("site", paused=True, paused_by="human:local-user", status="ready"),
                task("pages", **_HELD),
                task("pictures", **_HELD),
                task("announce", **_HELD),
                backlog(),
                scheduler(paused_task_count=1, queued_run_count=1, active_claim_count=1),
            ),
        ),
        Step(
            "a painter waits for work",
            Waiting("pictures", PAINTER.claims("pictures", wait=True)),
            sees=(runs("pictures", "queued"),),
        ),
        Step(
            "the writer goes on",
            WRITER.of_its_run("heartbeat", "{pages}", lease_seconds=60),
            shows={"lease": {"status": "claimed"}},
        ),
        Step(
            "and completes what was begun; nothing new comes of it",
            WRITER.of_its_run("complete", "{pages}", result={"pages": 12}),
            sees=(
                task("pages", status="completed"),
                task("announce", status="ready"),
                runs("announce"),
                runs("pictures", "queued"),
                scheduler(active_claim_count=0, queued_run_count=1),
            ),
        ),
        Step(
            "the question is answered",
            OPERATOR.post("/api/tasks/site/resume"),
            shows={"task": {"paused": ABSENT}},
            sees=(
                task("site", paused=ABSENT, **_FREE),
                task("pictures", **_FREE),
                scheduler(paused_task_count=0),
                history("announce", run_enqueued=1),
            ),
        ),
        Step(
            "the painter has the pictures that moment",
            AnswerTo("pictures"),
            shows={"claim": {"run": {"id": "{pictures}"}}},
            sees=(
                runs("pictures", {"status": "claimed", "session_id": "sess-painter"}),
                runs("announce", "queued"),
                backlog("announce"),
            ),
        ),
        Step(
            "the writer has the announcement",
            WRITER.claims("announce"),
            shows={"claim": {"task": {"id": "announce"}, "run": {"attempt": 1}}},
            keeps={"announce": "claim.run.id"},
            sees=(backlog(), scheduler(active_claim_count=2, queued_run_count=0)),
        ),
        Step(
            "the painter is done",
            PAINTER.of_its_run("complete", "{pictures}", result={"files": 4}),
        ),
        Step(
            "and so is the writer",
            WRITER.of_its_run("complete", "{announce}", result={"sent": True}),
            sees=(
                task("pages", status="completed"),
                task("pictures", status="completed", closed_at=ANY),
                task("announce", status="completed"),
                runs("announce", "completed"),
                scheduler(active_claim_count=0, queued_run_count=0),
            ),
        ),
    ),
)
