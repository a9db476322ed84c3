"""An id of one kind where one of another belongs: the answer says what it is, and which to use."""

import pytest

from chargehand.web.operations import Operation
from tests.contract.scene import Scene, set_scene
from tests.web.client import Answered

OF_TASKS = [o for o in Operation if o.path.startswith("/api/tasks/{id}")]
OF_RUNS = [
    o
    for o in Operation
    if o.path.startswith(("/api/task-runs/{id}", "/api/runs/{id}")) or "{run_id}" in o.path
]
OF_REVIEWS = [o for o in Operation if o.path.startswith("/api/task-reviews/{id}")]


@pytest.fixture
async def scene(system, client) -> Scene:
    return await set_scene(system, client, 1)


async def ask(scene: Scene, operation: Operation, wrong_id: str) -> Answered:
    """A good request, but for the id in its path."""
    ids = {"id": wrong_id, "run_id": wrong_id, "depends_on_id": "other-1", "subscription_id": "x"}
    client = scene.agent if operation.path.startswith("/api/agent") else scene.client
    body = b"" if operation.method in {"GET", "DELETE"} else scene.body(operation)
    return await client.send(operation.method, operation.path.format(**ids), body)


def told(answered: Answered) -> tuple[int, str, str]:
    diagnostic = answered.json["diagnostic"]
    return answered.status, diagnostic["code"], diagnostic["message"]


@pytest.mark.parametrize("operation", OF_RUNS)
async def test_the_id_of_a_task_is_no_runs(scene, operation):
    answered = await ask(scene, operation, "task-1")
    assert told(answered) == (
        404,
        "task_run_not_found",
        f"task-1 is a task, not a run; its open run is {scene.run_id}, which is queued",
    )
    diagnostic = answered.json["diagnostic"]
    assert answered.json["error"].endswith(f"(next: use {scene.run_id})")
    assert diagnostic["suggested_command"] == f"chargehand run inspect {scene.run_id}"
    assert diagnostic["evidence"] == {
        "run_id": "task-1",
        "id_is_of": "task",
        "meant": scene.run_id,
    }


@pytest.mark.parametrize("operation", OF_TASKS)
async def test_the_id_of_a_run_is_no_tasks(scene, operation):
    answered = await ask(scene, operation, scene.run_id)
    assert told(answered) == (
        404,
        "task_not_found",
        f"{scene.run_id} is a run, not a task; it is of task task-1",
    )
    diagnostic = answered.json["diagnostic"]
    assert diagnostic["suggested_command"] == "chargehand task inspect task-1"
    assert diagnostic["evidence"]["meant"] == "task-1"


@pytest.mark.parametrize("operation", OF_REVIEWS)
async def test_the_id_of_a_run_is_no_reviews(scene, operation):
    before = await ask(scene, operation, scene.run_id)
    words = f"{scene.run_id} is a run, not a review; it has no review"
    assert told(before) == (404, "task_run_review_not_found", words)
    assert "look at the run" in before.json["error"]
    command = before.json["diagnostic"]["suggested_command"]
    assert command == f"chargehand run inspect {scene.run_id}"
    review_id = (await scene.reviewed()).review_id
    for wrong_id, sort in ((scene.run_id, "run"), ("task-1", "task")):
        answered = await ask(scene, operation, wrong_id)
        assert answered.json["diagnostic"]["message"] == (
            f"{wrong_id} is a {sort}, not a review;"
            f" its latest review is {review_id}, which is requested"
        )
        command = answered.json["diagnostic"]["suggested_command"]
        assert command == f"chargehand review show {review_id}"


async def test_the_id_of_a_review_is_neither_a_runs_nor_a_tasks(scene):
    review_id = (await scene.reviewed()).review_id
    as_run = await ask(scene, Operation.GET_RUN, review_id)
    words = f"{review_id} is a review, not a run; it is of run {scene.run_id}"
    assert told(as_run) == (404, "task_run_not_found", words)
    as_task = await ask(scene, Operation.GET_TASK, review_id)
    words = f"{review_id} is a review, not a task; it is of task task-1"
    assert told(as_task) == (404, "task_not_found", words)


async def test_of_a_task_without_an_open_run_the_latest_is_named(scene):
    assert (await ask(scene, Operation.GET_RUN, "other-1")).json["diagnostic"]["message"] == (
        "other-1 is a task, not a run; it has no run"
    )
    await scene.do(Operation.CANCEL_RUN)
    assert (await ask(scene, Operation.RETRY_RUN, "task-1")).json["diagnostic"]["message"] == (
        f"task-1 is a task, not a run; its latest run is {scene.run_id}, which is canceled"
    )


async def test_ids_in_bodies_and_in_bulk(scene):
    client, run_id = scene.client, scene.run_id
    wrong = {"depends_on_task_id": run_id}
    answered = await client.post("/api/tasks/other-1/dependencies", wrong)
    words = f"{run_id} is a run, not a task; it is of task task-1"
    assert told(answered) == (404, "task_not_found", words)
    rows = (await client.post("/api/runs/bulk/release", {"run_ids": ["task-1"]})).json["results"]
    assert rows[0]["error"]["diagnostic"]["message"] == (
        f"task-1 is a task, not a run; its open run is {run_id}, which is queued"
    )
    await client.post(f"/api/task-runs/{run_id}/claim")
    path = f"/api/task-runs/{run_id}/attach-session"
    answered = await client.post(path, {"session_id": "task-1"})
    assert told(answered) == (404, "session_not_found", "task-1 is a task, not a session")


async def test_an_id_that_nothing_has_is_reported_as_before(scene):
    for wrong_id in ("run-none", "x" * 129, "a b", "%F0%9F%98%80", "none"):
        answered = await ask(scene, Operation.GET_RUN, wrong_id)
        assert answered.json["diagnostic"]["message"].startswith("there is no run ")
        assert "id_is_of" not in answered.json["diagnostic"]["evidence"]


async def test_a_blocker_that_is_none_of_the_tasks_is_no_wrong_kind_of_id(scene):
    answered = await scene.client.send("DELETE", "/api/tasks/task-1/dependencies/other-1")
    assert told(answered)[2] == "task-1 does not depend on other-1"
    answered = await scene.client.send("DELETE", f"/api/tasks/task-1/dependencies/{scene.run_id}")
    assert told(answered)[2] == f"{scene.run_id} is a run, not a task; it is of task task-1"


async def test_the_id_of_a_session_or_workspace_is_named(scene):
    made = await scene.client.post("/api/workspaces", {"root_dir": "/srv/ws"})
    workspace_id = made.json["workspace"]["id"]
    for wrong_id, sort in (("s1", "session"), (workspace_id, "workspace")):
        answered = await ask(scene, Operation.GET_TASK, wrong_id)
        words = f"{wrong_id} is a {sort}, not a task"
        assert told(answered) == (404, "task_not_found", words)
    answered = await scene.client.send("DELETE", "/api/sessions/task-1")
    assert told(answered) == (404, "session_not_found", "task-1 is a task, not a session")
