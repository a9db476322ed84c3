"""The work: a tree under one root, with random dependencies between its tasks."""

import random
from typing import Final, final

from attrs import frozen

from benchmarks.chaos.client import Client
from benchmarks.chaos.ledger import Ledger

ROOT_ID: Final = "root"
_GROUP_MAX: Final = 50  # children of one task
_BLOCKERS_MAX: Final = 3
_OK, _CREATED = 200, 201


@final
@frozen
class Step:
    """A task; `after` are the tasks that it depends on."""

    id: str
    parent_id: str | None
    after: tuple[str, ...]


def random_plan(rng: random.Random, count: int) -> list[Step]:
    """`count` tasks in a random graph without cycles; the root waits for nothing."""
    steps = [Step(ROOT_ID, None, ())]
    groups: list[str] = []
    for number in range(1, count):
        if (number - 1) % _GROUP_MAX == 0:
            groups.append(f"t{number}")
            parent_id = ROOT_ID
        else:
            parent_id = groups[-1]
        earlier = [step.id for step in steps[-20:]]
        blockers = rng.sample(earlier, min(len(earlier), rng.randrange(_BLOCKERS_MAX + 1)))
        steps.append(Step(f"t{number}", parent_id, tuple(blockers)))
    return steps


async def create(client: Client, steps: list[Step], ledger: Ledger) -> None:
    """Make all tasks, then their dependencies, then enqueue those that wait for nothing."""
    for step in steps:
        body = {"id": step.id, "scope": "global", "title": f"step {step.id}"}
        body_with_flag = {**body, "auto_enqueue_on_ready": bool(step.after)}
        path = "/api/tasks" if step.parent_id is None else f"/api/tasks/{step.parent_id}/children"
        response = await client.post(path, body_with_flag)
        if response.status_code != _CREATED:
            raise AssertionError(f"{path} of {step.id}: {response.text}")
        ledger.created.append(step.id)
        ledger.change.notify()
    for step in steps:
        for blocker in step.after:
            path, body = f"/api/tasks/{step.id}/dependencies", {"depends_on_task_id": blocker}
            response = await client.post(path, body)
            if response.status_code != _OK:  # a second one would be a duplicate, and refused
                raise AssertionError(f"{path} on {blocker}: {response.text}")
        task = (await client.get(f"/api/tasks/{step.id}")).json()["task"]["summary"]
        found = {edge["depends_on_task_id"] for edge in task.get("dependencies", ())}
        if found != set(step.after):
            raise AssertionError(f"{step.id} depends on {found}, not on {step.after}")
    for step in steps:
        if not step.after:
            response = await client.post(f"/api/tasks/{step.id}/runs")
            if response.status_code != _CREATED:
                raise AssertionError(f"run of {step.id}: {response.text}")
