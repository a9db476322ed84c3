"""What was there before a recorded request: derived from its answer, by operation."""

from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Any, Final

from chargehand.web.operations import Operation
from tests.contract.recorded import Recorded
from tests.contract.town import BRIDGE_ID, WORKER, WORKSPACE_ID, Town

Situation = Callable[[Town, Recorded], Awaitable[None]]


class Stage(IntEnum):
    """What happens to a run, in this order."""

    QUEUED = 1
    CLAIMED = 2
    ATTACHED = 3
    STARTED = 4
    ENDED = 5


async def nothing(town: Town, recorded: Recorded) -> None:
    """The request makes all that it needs."""


def a_task(**before: Any) -> Situation:
    """The task that is shown, but with some members as they were `before`."""

    async def make(town: Town, recorded: Recorded) -> None:
        await town.create(recorded.answer["task"], **before)

    return make


async def a_plain_task(town: Town, recorded: Recorded) -> None:
    """The task that the path names."""
    await town.create({"id": recorded.path_ids["id"]})


async def subscriptions(town: Town, recorded: Recorded) -> None:
    """The task, with the subscription that is shown or that the path names."""
    shown = (recorded.answer or {}).get("subscription", {})
    if "workspace_id" in shown:
        town.names[shown["workspace_id"]] = town.names[WORKSPACE_ID]
    await a_plain_task(town, recorded)
    if "subscription_id" in recorded.path_ids:
        body = {"bridge_instance_id": BRIDGE_ID, "delivery_mode": "direct-send", "peer_id": "p"}
        body["subscription_id"] = recorded.path_ids["subscription_id"]
        await town.post(f"/api/tasks/{recorded.path_ids['id']}/notifications/bridges", body)


async def a_profile(town: Town, recorded: Recorded) -> None:
    """A task with a profile."""
    await a_plain_task(town, recorded)
    path = f"/api/tasks/{recorded.path_ids['id']}/execution-profile"
    assert (await town.send("PUT", path)).status == 200


async def a_triaged_task(town: Town, recorded: Recorded) -> None:
    """A task of which its triage before is shown after it, too."""
    await a_plain_task(town, recorded)
    path = f"/api/tasks/{recorded.path_ids['id']}/triage"
    if recorded.answer["triage"]["archived"] and recorded.operation is Operation.DISMISS_TASK:
        await town.post(f"{path}/archive")


async def an_approved_task(town: Town, recorded: Recorded) -> None:
    await town.create(recorded.answer["task"])
    await town.post(f"/api/tasks/{recorded.path_ids['id']}/approve")


async def a_paused_task(town: Town, recorded: Recorded) -> None:
    await an_approved_task(town, recorded)
    await town.post(f"/api/tasks/{recorded.path_ids['id']}/pause", {"reason": "hold"})


async def tasks_of_a_list(town: Town, recorded: Recorded) -> None:
    for task in recorded.answer["tasks"]:
        await town.create(task)
    await town.create({"id": "another", "title": "nothing that is asked for"})


async def tasks_of_a_tree(town: Town, recorded: Recorded) -> None:
    tree = recorded.answer["tree"]
    for node in (tree["root"], *tree.get("descendants", ())):
        await town.create({**node["task"], **_parent_of(node)})


def _parent_of(node: dict[str, Any]) -> dict[str, str]:
    return {name: node[name] for name in ("parent_task_id",) if name in node}


def a_run(path: str, until: Stage = Stage.ENDED) -> Situation:
    """The run that is shown there, with all that befell it before and at `until`."""

    async def make(town: Town, recorded: Recorded) -> None:
        run = _at(recorded.answer, path)
        await town.enqueue(run, **_shown_task(recorded))
        befell = {
            Stage.CLAIMED: "claimed_at" in run,
            Stage.ATTACHED: run.get("claimed_by", {}).get("kind") == "human"
            and "session_id" in run,
            Stage.STARTED: "started_at" in run,
            Stage.ENDED: "ended_at" in run,
        }
        steps = {
            Stage.CLAIMED: town.claim,
            Stage.ATTACHED: town.attach,
            Stage.STARTED: town.start,
            Stage.ENDED: town.end,
        }
        for stage, step in steps.items():
            if befell[stage] and stage <= until:
                await step(run)

    return make


def _shown_task(recorded: Recorded) -> dict[str, Any]:
    """The task beside a run, in the answers that show both."""
    for path in ("claim.task", "run.task"):
        task = _at(recorded.answer, path)
        if isinstance(task, dict):
            return task
    return {}


async def a_run_to_attach(town: Town, recorded: Recorded) -> None:
    await a_run("run", Stage.CLAIMED)(town, recorded)
    await town.register(recorded.body["session_id"])


async def a_run_to_be_claimed_next(town: Town, recorded: Recorded) -> None:
    """None where nothing was claimed, but the caller is known in any case."""
    await town.act_as(recorded.headers["X-AGH-Session-ID"])
    if recorded.status != 204:
        await a_run("claim.run", Stage.QUEUED)(town, recorded)


async def a_lease(town: Town, recorded: Recorded) -> None:
    """The caller's lease on the run."""
    lease = recorded.answer["lease"]
    run = {"id": lease["run_id"], "task_id": lease["task_id"]}
    await town.enqueue({**run, "origin": {"ref": "tasks.enqueue_run"}})
    await town.lease(recorded.headers["X-AGH-Session-ID"])


async def a_held_run(town: Town, recorded: Recorded) -> None:
    """The run, in the hands of an operator, of whom it tells nothing any more."""
    await a_run("run", Stage.QUEUED)(town, recorded)
    await town.claim(recorded.answer["run"])


async def a_parked_run(town: Town, recorded: Recorded) -> None:
    await a_run("previous_run", Stage.QUEUED)(town, recorded)
    await town.park(recorded.answer["previous_run"])


async def a_scheduler(town: Town, recorded: Recorded) -> None:
    """As many runs as it counts, and a pause if it was asked for before."""
    status = recorded.answer["scheduler"]
    queued, claimed = status["queued_run_count"], status["active_claim_count"]
    assert claimed <= 1
    for number in range(queued + claimed):
        run = {"id": f"run-{number}", "task_id": f"t{number}"}
        await town.enqueue({**run, "origin": {"ref": "tasks.enqueue_run"}})
    if claimed:
        await town.lease(WORKER)
    if recorded.operation in {Operation.GET_SCHEDULER, Operation.RESUME_SCHEDULER}:
        reason = status.get("paused_reason", "until then")
        await town.post("/api/scheduler/pause", {"reason": reason})


async def runs_of_rows(town: Town, recorded: Recorded) -> None:
    """Queued runs, of which those that can be released were claimed before."""
    for row in recorded.answer["results"]:
        if "run" in row:
            await town.enqueue(row["run"])
            if recorded.operation is Operation.BULK_RELEASE:
                await town.claim(row["run"])
        elif "diagnostic" in row["error"]:  # else there is no such run
            run = {"id": row["run_id"], "task_id": row["run_id"].replace("run", "task")}
            await town.enqueue({**run, "origin": {"ref": "tasks.enqueue_run"}})


async def an_ended_run(town: Town, recorded: Recorded) -> None:
    """The run that is reviewed, completed by an operator."""
    await _an_ended_run(town, recorded.answer["review"])


async def a_review(town: Town, recorded: Recorded) -> None:
    """The review that is shown, as it was asked for."""
    shown = recorded.answer
    review = shown["reviews"][0] if "reviews" in shown else shown["review"]
    await _an_ended_run(town, review)
    body = {name: review[name] for name in ("policy", "deadline_at")}
    asked = await town.post(f"/api/task-runs/{review['run_id']}/reviews", body)
    town.names[review["review_id"]] = asked["review"]["review_id"]


async def _an_ended_run(town: Town, review: dict[str, Any]) -> None:
    run = {"id": review["run_id"], "task_id": review["task_id"], "status": "completed"}
    await town.enqueue({**run, "origin": {"ref": "tasks.enqueue_run"}})
    for step in (town.claim, town.start, town.end):
        await step(run)


async def a_requested_review(town: Town, recorded: Recorded) -> None:
    """There already, where the answer says so."""
    await (an_ended_run if recorded.answer["created"] else a_review)(town, recorded)


async def an_inspected_run(town: Town, recorded: Recorded) -> None:
    """The runs that are shown; the first was claimed, and each later one is a retry."""
    shown = recorded.answer["inspect"]
    await town.post("/api/scheduler/pause")
    await town.post("/api/scheduler/resume")
    *retries, first = shown["recent_runs"]
    run = {"id": first["run_id"], "task_id": first["task_id"]}
    await town.enqueue({**run, "origin": {"ref": "tasks.enqueue_run"}}, **shown["task"])
    for number in range(shown["task"].get("child_count", 0)):
        await town.create({"id": f"child-{number}", "parent_task_id": run["task_id"]})
    session_id = first["bound_session_id"]
    await town.lease(session_id)
    ended = {"status": first["status"], "session_id": session_id, "result": {}}
    ended["error"] = first.get("last_error_summary", "")
    await town.end({**run, **ended, "claimed_by": {"kind": "agent_session"}})
    for retry in reversed(retries):
        made = await town.post(f"/api/runs/{retry['previous_run_id']}/retry")
        town.names[retry["run_id"]] = made["run"]["id"]
        reason = {"reason": retry["last_error_summary"]}
        await town.post(f"/api/runs/{retry['run_id']}/fail", reason)


async def a_history(town: Town, recorded: Recorded) -> None:
    """All that the events tell of, but not what the request itself does."""
    shown = recorded.answer.get("timeline") or recorded.answer["task"]["events"]
    events = sorted(shown, key=lambda event: event["timestamp"])
    if recorded.operation in {Operation.ADD_DEPENDENCY, Operation.REMOVE_DEPENDENCY}:
        events.pop()
        await town.create(_blocker(recorded))
    task = events[0].get("task") or recorded.answer["task"]["task"]
    changed = {name for event in events for name in event["payload"].get("changed_fields", ())}
    before: dict[str, Any] = dict.fromkeys(changed, "before")
    runs = [event["run"] for event in events if "run" in event]
    if runs:
        before["max_attempts"] = runs[0]["max_attempts"]  # not shown with the task in short
    await town.create(task, **before)
    for event in events[1:]:
        await befall(town, event, task)


def _blocker(recorded: Recorded) -> dict[str, Any]:
    """The task that another one waits for, as it is shown or as it is only named."""
    for edge in recorded.answer["task"].get("dependency_references", ()):
        return edge["depends_on"]
    return {"id": recorded.path_ids["depends_on_id"]}


async def befall(town: Town, event: dict[str, Any], task: dict[str, Any]) -> None:
    """Do what the event tells of; `task` is as it was shown in the end."""
    path, payload, run = f"/api/tasks/{task['id']}", event["payload"], event.get("run")
    match event["event_type"]:
        case "task.dependency_added":
            body = {"depends_on_task_id": payload["depends_on_task_id"]}
            await town.post(f"{path}/dependencies", body)
        case "task.updated":
            body = {name: task[name] for name in payload["changed_fields"]}
            await town.send("PATCH", path, body)
        case "task.child_created":
            await town.create({"id": payload["child_task_id"], "parent_task_id": task["id"]})
        case "task.run_enqueued":
            key = {name: payload[name] for name in ("idempotency_key",) if name in payload}
            made = await town.post(f"{path}/runs", key)
            town.names[run["id"]] = made["run"]["id"]
        case "task.run_claimed":
            await town.lease(event["actor"]["ref"])
        case "task.run_lease_extended":
            headers = await town.act_as(event["actor"]["ref"])
            await town.post(f"/api/agent/tasks/{run['id']}/heartbeat", **headers)
        case "task.run_completed":
            headers = await town.act_as(event["actor"]["ref"])
            body = {"result": payload["result"]}
            await town.post(f"/api/agent/tasks/{run['id']}/complete", body, **headers)
        case other:
            raise AssertionError(f"no way is known to bring about {other}")


async def a_dashboard(town: Town, recorded: Recorded) -> None:
    """As many tasks and runs as it counts, in the statuses that it tells."""
    totals = recorded.answer["dashboard"]["totals"]
    starts = recorded.answer["dashboard"]["cards"]["latency"]["start_latency_ms"]["samples"]
    runs = [f"run-{number:016}" for number in range(totals["runs_total"])]
    for number, run_id in enumerate(runs):
        run = {"id": run_id, "task_id": run_id.replace("run", "t"), "session_id": WORKER}
        await town.enqueue({**run, "origin": {"ref": "tasks.enqueue_run"}})
        if number < totals["canceled_runs"]:
            await town.post(f"/api/tasks/{run['task_id']}/cancel")
        elif number < totals["canceled_runs"] + starts:
            await town.post(f"/api/task-runs/{run_id}/claim")
            await town.start(run)
            await town.end({**run, "status": "failed", "error": "e"})
        else:
            failed = number < totals["canceled_runs"] + totals["failed_runs"]
            by_agent = {**run, "claimed_by": {"kind": "agent_session"}, "error": "e"}
            await town.lease(WORKER)
            await town.end({**by_agent, "status": "failed" if failed else "completed"})
    await town.create({"id": "refused", "approval_policy": "manual"})
    await town.post("/api/tasks/refused/reject")
    for number in range(totals["ready_tasks"] - totals["failed_runs"]):
        await town.create({"id": f"ready-{number}"})


async def an_inbox(town: Town, recorded: Recorded) -> None:
    """The tasks that are shown, each in its lane, those first that were active first."""
    lanes = {group["lane"]: group for group in recorded.answer["inbox"]["groups"]}
    attached, retried = lanes["failed_runs"]["items"]
    await _fail_the_second_try(town, retried)
    run = {**attached["run"], "origin": {"ref": "tasks.enqueue_run"}}
    await town.enqueue(run, **attached["task"])
    for step in (town.claim, town.attach, town.start, town.end):
        await step(run)
    [refused] = lanes["blocked"]["items"]
    await town.create(refused["task"], approval_policy="manual")
    await town.post(f"/api/tasks/{refused['task']['id']}/reject")
    await _archive(town, lanes["archived"]["items"][0])


async def _fail_the_second_try(town: Town, item: dict[str, Any]) -> None:
    origin = {"ref": "tasks.retry_run"}
    await town.enqueue({**item["run"], "origin": origin, "previous_run_id": f"run-{0:016}"})
    await town.send("PATCH", f"/api/tasks/{item['task']['id']}", {"title": item["task"]["title"]})
    await town.post(f"/api/runs/{item['run']['id']}/fail", {"reason": item["run"]["error"]})


async def _archive(town: Town, item: dict[str, Any]) -> None:
    """An approved task that an agent has completed."""
    path = f"/api/tasks/{item['task']['id']}"
    await town.create(item["task"], approval_policy="manual")
    made = await town.post(f"{path}/approve")
    town.names[item["run"]["id"]] = made["run"]["id"]
    await town.lease(item["run"]["session_id"])
    await town.end(item["run"])
    await town.post(f"{path}/triage/archive")


def _at(answer: Any, path: str) -> Any:
    """The member at a path, or None."""
    for name in path.split("."):
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer[0] if isinstance(answer, list) else answer


SITUATIONS: Final[dict[Operation, Situation]] = {
    Operation.CLAIM_NEXT: a_run_to_be_claimed_next,
    Operation.AGENT_HEARTBEAT: a_lease,
    Operation.AGENT_RELEASE: a_lease,
    Operation.AGENT_COMPLETE: a_lease,
    Operation.AGENT_FAIL: a_lease,
    Operation.GET_SCHEDULER: a_scheduler,
    Operation.PAUSE_SCHEDULER: a_scheduler,
    Operation.RESUME_SCHEDULER: a_scheduler,
    Operation.DRAIN_SCHEDULER: a_scheduler,
    Operation.GET_BACKLOG: nothing,
    Operation.LIST_TASKS: tasks_of_a_list,
    Operation.CREATE_TASK: nothing,
    Operation.GET_TASK: a_history,
    Operation.UPDATE_TASK: a_task(title="before"),
    Operation.DELETE_TASK: a_plain_task,
    Operation.CREATE_CHILD: a_plain_task,
    Operation.PUBLISH_TASK: a_task(draft=True),
    Operation.START_TASK: a_task(),
    Operation.APPROVE_TASK: a_task(),
    Operation.REJECT_TASK: a_task(),
    Operation.CANCEL_TASK: a_task(),
    Operation.PAUSE_TASK: an_approved_task,
    Operation.RESUME_TASK: a_paused_task,
    Operation.ADD_DEPENDENCY: a_history,
    Operation.REMOVE_DEPENDENCY: a_history,
    Operation.LIST_RUNS: a_run("runs"),
    Operation.ENQUEUE_RUN: a_plain_task,
    Operation.GET_TIMELINE: a_history,
    Operation.GET_TREE: tasks_of_a_tree,
    Operation.GET_PROFILE: a_plain_task,
    Operation.SET_PROFILE: a_plain_task,
    Operation.DELETE_PROFILE: a_profile,
    Operation.MARK_TASK_READ: a_triaged_task,
    Operation.ARCHIVE_TASK: a_triaged_task,
    Operation.DISMISS_TASK: a_triaged_task,
    Operation.CREATE_SUBSCRIPTION: subscriptions,
    Operation.LIST_SUBSCRIPTIONS: subscriptions,
    Operation.GET_SUBSCRIPTION: subscriptions,
    Operation.DELETE_SUBSCRIPTION: subscriptions,
    Operation.GET_RUN: a_run("run.run"),
    Operation.CLAIM_RUN: a_run("run", Stage.QUEUED),
    Operation.START_RUN: a_run("run", Stage.ATTACHED),
    Operation.ATTACH_SESSION: a_run_to_attach,
    Operation.COMPLETE_RUN: a_run("run", Stage.STARTED),
    Operation.FAIL_RUN: a_run("run", Stage.STARTED),
    Operation.CANCEL_RUN: a_run("run", Stage.STARTED),
    Operation.FORCE_RELEASE: a_held_run,
    Operation.FORCE_FAIL: a_run("run", Stage.STARTED),
    Operation.RETRY_RUN: a_run("previous_run"),
    Operation.RECOVER_RUN: a_parked_run,
    Operation.BULK_RELEASE: runs_of_rows,
    Operation.BULK_FAIL: runs_of_rows,
    Operation.REQUEST_REVIEW: a_requested_review,
    Operation.LIST_RUN_REVIEWS: a_review,
    Operation.LIST_TASK_REVIEWS: a_review,
    Operation.GET_REVIEW: a_review,
    Operation.SUBMIT_VERDICT: a_review,
    Operation.INSPECT_TASK: an_inspected_run,
    Operation.INSPECT_RUN: an_inspected_run,
    Operation.GET_DASHBOARD: a_dashboard,
    Operation.GET_INBOX: an_inbox,
    Operation.RESOLVE_WORKSPACE: nothing,
    Operation.CREATE_SESSION: nothing,
}
