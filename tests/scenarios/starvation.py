"""Starvation and recovery: work that nobody there can do, and an agent that comes and can."""

from typing import Final

from tests.scenarios.looks import history, inspect, runs, scheduler, task
from tests.scenarios.patterns import ANY
from tests.scenarios.story import OPERATOR, AnswerTo, Scenario, Step, Told, Waiting, agent

PAINTER: Final = agent("sess-painter", "painter")
TRAINER: Final = agent("sess-trainer", "trainer")

SCENARIO: Final = Scenario(
    "starvation and recovery",
    follows=("train",),
    options=("--starvation-s=0.3",),
    steps=(
        Step(
            "a person hands in a training",
            OPERATOR.post(
                "/api/tasks", {"id": "train", "scope": "global", "title": "Train the model"}
            ),
            201,
            again=409,
            sees=(inspect("train", "task_without_run", next_action="waiting_for_session"),),
        ),
        Step(
            "that needs a graphics card",
            OPERATOR.put(
                "/api/tasks/train/execution-profile", {"worker": {"required_capabilities": ["gpu"]}}
            ),
            shows={"profile": {"worker": {"required_capabilities": ["gpu"]}}},
        ),
        Step(
            "an agent without one registers",
            OPERATOR.post(
                "/api/sessions",
                {"id": "sess-painter", "agent_name": "painter", "capabilities": ["paint"]},
            ),
            201,
            again=409,
        ),
        Step(
            "the person starts the training",
            OPERATOR.post("/api/tasks/train/start"),
            201,
            keeps={"run": "run.id"},
            restless=True,
            sees=(task("train", status="ready"), runs("train", {"id": "{run}"})),
        ),
        Step(
            "the agent is not given it",
            PAINTER.claims("paint"),
            204,
            restless=True,
            sees=(runs("train", "queued"),),
        ),
        Step(
            "after a while the server tells that nobody can do it",
            Told("train", "task.run_starved"),
            sees=(
                scheduler(starved_run_count=1, queued_run_count=1, needs_attention_run_count=0),
                task("train", status="ready"),
                history("train", run_starved=1),
            ),
        ),
        Step(
            "the person asks why it does not run",
            OPERATOR.get("/api/tasks/train/inspect"),
            shows={"inspect": {"current_run": {"run_id": "{run}", "status": "queued"}}},
            sees=(inspect("train", "task_run_stranded", next_action="stranded"),),
        ),
        Step(
            "and registers an agent that has a graphics card",
            OPERATOR.post(
                "/api/sessions",
                {"id": "sess-trainer", "agent_name": "trainer", "capabilities": ["gpu"]},
            ),
            201,
            again=409,
            soon=True,  # the next time that it looks for starving runs
            sees=(
                scheduler(starved_run_count=0, queued_run_count=1),
                inspect("train", next_action="claim_available"),
                history("train", run_starved=1),
            ),
        ),
        Step(
            "which asks for work",
            Waiting("work", TRAINER.claims("train", wait=True)),
        ),
        Step(
            "and has it, the same run as before",
            AnswerTo("work"),
            shows={"claim": {"run": {"id": "{run}", "attempt": 1}}},
            sees=(
                scheduler(starved_run_count=0, queued_run_count=0, active_claim_count=1),
                inspect("train", next_action="running"),
                history("train", run_starved=1, run_claimed=1),
            ),
        ),
        Step(
            "it needs longer than it thought",
            TRAINER.of_its_run("heartbeat", "{run}", lease_seconds=120),
            shows={"lease": {"run_id": "{run}", "heartbeat_at": ANY}},
            sees=(runs("train", {"status": "claimed", "heartbeat_at": ANY}),),
        ),
        Step(
            "and is done",
            TRAINER.of_its_run("complete", "{run}", result={"loss": 0.1}),
            sees=(
                task("train", status="completed"),
                runs("train", {"status": "completed", "result": {"loss": 0.1}}),
                scheduler(starved_run_count=0, active_claim_count=0),
                history("train", run_starved=1, run_claimed=1, run_completed=1),
            ),
        ),
    ),
)
