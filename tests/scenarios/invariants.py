"""What must hold at any time, whatever the scenario is about."""

from typing import Any, Final, final

import trio
from attrs import define, field

from benchmarks.chaos import checks
from benchmarks.chaos.client import Client
from benchmarks.chaos.follower import Follower

CATCH_UP_S_MAX: Final = 60.0
_ENDED: Final = frozenset({"completed", "failed", "canceled"})


@final
@define(eq=False)
class Acknowledged:
    """What answers have told: it must be there from then on.

    Args:
        tasks: each task with the numbers of its events that were told.
        runs: each run as it was told last.
    """

    tasks: dict[str, set[int]] = field(factory=dict)
    runs: dict[str, dict[str, Any]] = field(factory=dict)

    def take(self, answer: Any) -> None:
        """Every task and run that the answer shows, wherever in it."""
        if isinstance(answer, list):
            for item in answer:
                self.take(item)
        elif isinstance(answer, dict):
            if "latest_event_seq" in answer and "id" in answer:
                self.tasks.setdefault(answer["id"], set()).add(answer["latest_event_seq"])
            if "attempt" in answer and "task_id" in answer and "id" in answer:
                self.runs[answer["id"]] = answer
            for value in answer.values():
                self.take(value)


async def check_invariants(
    client: Client, acknowledged: Acknowledged, followers: list[Follower], *, unsure: bool
) -> None:
    """
    Args:
        unsure: a request was not answered, so there may be a task or a run more.

    Raises:
        AssertionError: something that was acknowledged is not there, or something is there that
            may not be.
    """
    listed = (await client.get("/api/tasks", include_drafts="true", limit=1000)).json()["tasks"]
    tasks = {task["id"] for task in listed}
    surplus = tasks - set(acknowledged.tasks)
    if set(acknowledged.tasks) - tasks or len(surplus) > unsure:
        raise AssertionError(f"{sorted(acknowledged.tasks)} are acknowledged, {tasks} are listed")
    await _check_runs(client, acknowledged)
    events_of = await _timelines(client, tasks)
    checks.check_claims(events_of)
    for task_id, told in acknowledged.tasks.items():
        missing = told - {event["sequence"] for event in events_of[task_id]}
        if missing:
            raise AssertionError(f"events {missing} of {task_id} are not in its timeline")
    for follower in followers:
        if follower.task_id in tasks:
            await _check_follower(client, follower, events_of)


async def _check_runs(client: Client, acknowledged: Acknowledged) -> None:
    for run_id, before in acknowledged.runs.items():
        now = (await client.get(f"/api/task-runs/{run_id}")).json()["run"]["run"]
        if (now["task_id"], now["attempt"]) != (before["task_id"], before["attempt"]):
            raise AssertionError(f"{before} was acknowledged, and is {now}")
        if before["status"] in _ENDED and (now["status"], now.get("result")) != (
            before["status"],
            before.get("result", now.get("result")),  # a summary shows no result
        ):
            raise AssertionError(f"{before} had ended, and is {now}")
        if now["status"] in ("claimed", "running") and "claimed_by" not in now:
            raise AssertionError(f"{now} is held by nobody")


async def _timelines(client: Client, task_ids: set[str]) -> dict[str, list[checks.Event]]:
    return {
        task_id: (await client.get(f"/api/tasks/{task_id}/timeline", limit=1000)).json()["timeline"]
        for task_id in task_ids
    }


async def _check_follower(
    client: Client, follower: Follower, events_of: dict[str, list[checks.Event]]
) -> None:
    """It has got every event of its tree once, in order, over all its connections."""
    tree = (await client.get(f"/api/tasks/{follower.task_id}/tree")).json()["tree"]
    task_ids = {node["task"]["id"] for node in (tree["root"], *tree.get("descendants", ()))}
    known = {task_id: events_of[task_id] for task_id in task_ids}
    with trio.move_on_after(CATCH_UP_S_MAX):
        while len(follower.received) != sum(map(len, known.values())):
            with trio.move_on_after(0.05):
                await follower.change.next()
            known = await _timelines(client, task_ids)  # there may be more events by now
    checks.check_stream(follower.seqs, known)
