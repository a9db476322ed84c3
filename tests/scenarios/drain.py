"""A drain before maintenance: what is under way is finished, and nothing new begins meanwhile."""

from typing import Final

from tests.scenarios.looks import backlog, runs, scheduler, task
from tests.scenarios.patterns import ABSENT
from tests.scenarios.story import OPERATOR, AnswerTo, Scenario, Step, Waiting, agent

PACKER: Final = agent("sess-packer", "packer")
DRIVER: Final = agent("sess-driver", "driver")

SCENARIO: Final = Scenario(
    "a drain before maintenance",
    follows=("orders",),
    steps=(
        Step(
            "orders have come in",
            OPERATOR.post("/api/tasks", {"id": "orders", "scope": "global", "title": "Orders"}),
            201,
            again=409,
        ),
        Step(
            "they have to be delivered, too",
            OPERATOR.post(
                "/api/tasks/orders/children",
                {"id": "deliver", "scope": "global", "title": "Deliver them"},
            ),
            201,
            again=409,
        ),
        Step(
            "they are queued",
            OPERATOR.post("/api/tasks/orders/start"),
            201,
            keeps={"orders": "run.id"},
        ),
        Step(
            "a packer takes them",
            PACKER.claims("orders"),
            shows={"claim": {"run": {"id": "{orders}"}}},
        ),
        Step(
            "the delivery is queued",
            OPERATOR.post("/api/tasks/deliver/start"),
            201,
            keeps={"delivery": "run.id"},
            sees=(backlog("deliver"),),
        ),
        Step(
            "the operator drains the scheduler, and waits",
            Waiting(
                "drain",
                OPERATOR.post(
                    "/api/scheduler/drain", {"reason": "maintenance", "timeout_seconds": 60}
                ),
            ),
            soon=True,
            sees=(
                scheduler(paused=True, paused_reason="maintenance", active_claim_count=1),
                runs("deliver", "queued"),
            ),
        ),
        Step(
            "a driver asks for work, and waits, too",
            Waiting("work", DRIVER.claims("deliver", wait=True)),
            sees=(scheduler(paused=True, queued_run_count=1), runs("deliver", "queued")),
        ),
        Step(
            "the packer is done",
            PACKER.of_its_run("complete", "{orders}", result={"boxes": 3}),
            sees=(task("orders", status="completed"), runs("deliver", "queued")),
        ),
        Step(
            "so nothing is under way",
            AnswerTo("drain"),
            shows={"completed": True, "remaining_claims": 0, "scheduler": {"paused": True}},
            sees=(
                scheduler(paused=True, active_claim_count=0, queued_run_count=1),
                runs("deliver", "queued"),
            ),
        ),
        Step(
            "after the maintenance it goes on",
            OPERATOR.post("/api/scheduler/resume"),
            shows={"scheduler": {"paused": False, "paused_reason": ABSENT}},
            sees=(scheduler(paused=False, paused_by=ABSENT),),
        ),
        Step(
            "and the driver has work",
            AnswerTo("work"),
            shows={"claim": {"run": {"id": "{delivery}"}}},
            sees=(scheduler(active_claim_count=1, queued_run_count=0),),
        ),
        Step(
            "which it does",
            DRIVER.of_its_run("complete", "{delivery}", result={"boxes": 3}),
            sees=(
                task("deliver", status="completed"),
                scheduler(paused=False, active_claim_count=0, queued_run_count=0),
            ),
        ),
    ),
)
