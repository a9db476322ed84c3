"""Every write with a situation in which it does something, for tests of what a repeat does."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, final

import trio
from attrs import define, field

from chargehand.web.operations import Operation as Op
from tests.web.client import Answered, ContractClient

SUBSCRIPTION: Final = {
    "bridge_instance_id": "ops",
    "delivery_mode": "direct-send",
    "peer_id": "p",
    "subscription_id": "sub",
}
WRITES: Final = [operation for operation in Op if operation.method not in {"GET", "HEAD"}]


@final
@define
class Write:
    """A request that is possible now.

    Args:
        other: another body for the same operation and path; None if only another operation is
            another request.
    """

    operation: Op
    ids: dict[str, str] = field(factory=dict)
    body: Any = None
    other: Any = None
    headers: dict[str, str] = field(factory=dict)

    @property
    def target(self) -> str:
        return self.operation.path.format(**self.ids)

    async def send(
        self, client: ContractClient, key: str | None, body: Any = None, **headers: str
    ) -> Answered:
        """Under `key`, with its own body or another one."""
        given = self.body if body is None else body
        named = {} if key is None else {"Idempotency-Key": key}
        return await client.send(
            self.operation.method,
            self.target,
            b"" if given is None else given,
            {**self.headers, **named, **headers},
        )


@final
@define
class Stage:
    """Brings about what a write needs; `client` is the operator's."""

    client: ContractClient

    async def do(self, method: str, path: str, body: Any = b"", **headers: str) -> Any:
        answered = await self.client.send(method, path, body, headers)
        assert answered.status < 300, answered.body
        return answered.json if answered.body else None

    async def task(self, **members: Any) -> str:
        made = await self.do("POST", "/api/tasks", {"scope": "global", "title": "T", **members})
        return made["task"]["id"]

    async def queued(self, **members: Any) -> str:
        """A run in the queue."""
        return (await self.do("POST", f"/api/tasks/{await self.task(**members)}/runs"))["run"]["id"]

    async def claimed(self) -> str:
        """A run in an operator's hands."""
        run_id = await self.queued()
        await self.do("POST", f"/api/task-runs/{run_id}/claim")
        return run_id

    async def started(self) -> str:
        run_id = await self.claimed()
        await self.do("POST", f"/api/task-runs/{run_id}/start")
        return run_id

    async def completed(self) -> str:
        run_id = await self.started()
        await self.do("POST", f"/api/task-runs/{run_id}/complete", {"result": {}})
        return run_id

    async def leased(self) -> str:
        run_id = await self.queued()
        await self.do("POST", "/api/agent/tasks/claim-next", {}, **AGENT)
        return run_id

    async def parked(self) -> str:
        """A run that needs attention, in a system where one lease that ran out is enough."""
        run_id = await self.queued()
        await self.do("POST", "/api/agent/tasks/claim-next", {"lease_seconds": 1}, **AGENT)
        await trio.sleep(2)
        return run_id

    async def review(self) -> tuple[str, str]:
        """A review that is open, and its run."""
        run_id = await self.completed()
        asked = await self.do("POST", f"/api/task-runs/{run_id}/reviews", {"policy": "always"})
        return asked["review"]["review_id"], run_id

    async def subscribed(self) -> str:
        task_id = await self.task()
        await self.do("POST", f"/api/tasks/{task_id}/notifications/bridges", SUBSCRIPTION)
        return task_id

    async def session(self, session_id: str = "sess-9") -> str:
        body = {"agent_name": "coder", "id": session_id}
        return (await self.do("POST", "/api/sessions", body))["session"]["id"]


AGENT: Final = {"X-AGH-Session-ID": "s1", "X-AGH-Agent": "coder"}
Situation = Callable[[Stage], Awaitable[Write]]
SITUATIONS: Final[dict[Op, Situation]] = {}


def situation(operation: Op) -> Callable[[Situation], Situation]:
    def note(make: Situation) -> Situation:
        SITUATIONS[operation] = make
        return make

    return note


def _on_task(operation: Op, body: Any = None, other: Any = None, **members: Any) -> None:
    @situation(operation)
    async def make(stage: Stage) -> Write:
        return Write(operation, {"id": await stage.task(**members)}, body, other)


def _on_run(
    operation: Op, run: Callable[[Stage], Awaitable[str]], body: Any = None, other: Any = None
) -> None:
    @situation(operation)
    async def make(stage: Stage) -> Write:
        return Write(operation, {"id": await run(stage)}, body, other)


def _by_agent(operation: Op, body: Any = None, other: Any = None) -> None:
    @situation(operation)
    async def make(stage: Stage) -> Write:
        return Write(operation, {"run_id": await stage.leased()}, body, other, AGENT)


_NEW = {"scope": "global", "title": "New"}
_ELSE = {"scope": "global", "title": "Else"}
_WHY, _WHY_ELSE = {"reason": "because"}, {"reason": "despite"}
_MANUAL = {"approval_policy": "manual"}


@situation(Op.CREATE_TASK)
async def _create(stage: Stage) -> Write:
    return Write(Op.CREATE_TASK, {}, _NEW, _ELSE)


_on_task(Op.CREATE_CHILD, _NEW, _ELSE)
_on_task(Op.UPDATE_TASK, {"title": "Other"}, {"title": "Another"})
_on_task(Op.DELETE_TASK)
_on_task(Op.PUBLISH_TASK, {}, {"metadata": {"a": 1}}, draft=True)
_on_task(Op.START_TASK, {}, {"metadata": {"a": 1}})
_on_task(Op.APPROVE_TASK, {}, {"metadata": {"a": 1}}, **_MANUAL)
_on_task(Op.REJECT_TASK, **_MANUAL)
_on_task(Op.CANCEL_TASK, _WHY, _WHY_ELSE)
_on_task(Op.PAUSE_TASK, _WHY, _WHY_ELSE)
_on_task(Op.ENQUEUE_RUN, {"metadata": {}}, {"metadata": {"a": 1}})
_on_task(Op.SET_PROFILE, {"worker": {"mode": "select", "agent_name": "a"}}, {})
_on_task(Op.MARK_TASK_READ)
_on_task(Op.ARCHIVE_TASK)
_on_task(Op.DISMISS_TASK)
_on_task(Op.CREATE_SUBSCRIPTION, SUBSCRIPTION, {**SUBSCRIPTION, "peer_id": "q"})
_on_run(Op.CLAIM_RUN, Stage.queued, {}, {"idempotency_key": "k"})
_on_run(Op.START_RUN, Stage.claimed, {}, {"idempotency_key": "k"})
_on_run(Op.COMPLETE_RUN, Stage.started, {"result": {}}, {"result": {"a": 1}})
_on_run(Op.FAIL_RUN, Stage.started, {"error": "e"}, {"error": "f"})
_on_run(Op.CANCEL_RUN, Stage.queued, _WHY, _WHY_ELSE)
_on_run(Op.FORCE_RELEASE, Stage.claimed, _WHY, _WHY_ELSE)
_on_run(Op.FORCE_FAIL, Stage.queued, _WHY, _WHY_ELSE)
_on_run(Op.RECOVER_RUN, Stage.parked, _WHY, _WHY_ELSE)
_on_run(Op.REQUEST_REVIEW, Stage.completed, {"policy": "always"}, {"policy": "on_success"})
_by_agent(Op.AGENT_HEARTBEAT, {"lease_seconds": 60}, {"lease_seconds": 61})
_by_agent(Op.AGENT_RELEASE, _WHY, _WHY_ELSE)
_by_agent(Op.AGENT_COMPLETE, {"result": {}}, {"result": {"a": 1}})
_by_agent(Op.AGENT_FAIL, {"error": "e"}, {"error": "f"})


@situation(Op.RESUME_TASK)
async def _resume(stage: Stage) -> Write:
    task_id = await stage.task()
    await stage.do("POST", f"/api/tasks/{task_id}/pause", _WHY)
    return Write(Op.RESUME_TASK, {"id": task_id}, {}, {"metadata": {"a": 1}})


@situation(Op.ADD_DEPENDENCY)
async def _depend(stage: Stage) -> Write:
    first, second = await stage.task(), await stage.task()
    body, other = {"depends_on_task_id": first}, {"depends_on_task_id": second}
    return Write(Op.ADD_DEPENDENCY, {"id": await stage.task()}, body, other)


@situation(Op.REMOVE_DEPENDENCY)
async def _no_more_depend(stage: Stage) -> Write:
    task_id, blocker = await stage.task(), await stage.task()
    await stage.do("POST", f"/api/tasks/{task_id}/dependencies", {"depends_on_task_id": blocker})
    return Write(Op.REMOVE_DEPENDENCY, {"id": task_id, "depends_on_id": blocker})


@situation(Op.DELETE_PROFILE)
async def _delete_profile(stage: Stage) -> Write:
    task_id = await stage.task()
    await stage.do("PUT", f"/api/tasks/{task_id}/execution-profile", {})
    return Write(Op.DELETE_PROFILE, {"id": task_id})


@situation(Op.DELETE_SUBSCRIPTION)
async def _unsubscribe(stage: Stage) -> Write:
    task_id = await stage.subscribed()
    return Write(Op.DELETE_SUBSCRIPTION, {"id": task_id, "subscription_id": "sub"})


@situation(Op.RETRY_RUN)
async def _retry(stage: Stage) -> Write:
    run_id = await stage.queued()
    await stage.do("POST", f"/api/task-runs/{run_id}/cancel")
    return Write(Op.RETRY_RUN, {"id": run_id}, {}, {"metadata": {"a": 1}})


@situation(Op.SUBMIT_VERDICT)
async def _judge(stage: Stage) -> Write:
    review_id, run_id = await stage.review()
    verdict = {
        "outcome": "rejected",
        "confidence": 1,
        "reason": "r",
        "delivery_id": "d",
        "missing_work": ["m"],
        "next_round_guidance": "g",
    }
    other = {"run_id": run_id, "verdict": {**verdict, "reason": "s"}}
    body = {"run_id": run_id, "verdict": verdict}
    return Write(Op.SUBMIT_VERDICT, {"id": review_id}, body, other)


@situation(Op.ATTACH_SESSION)
async def _attach(stage: Stage) -> Write:
    body, other = [{"session_id": await stage.session(one)} for one in ("sess-8", "sess-9")]
    return Write(Op.ATTACH_SESSION, {"id": await stage.claimed()}, body, other)


@situation(Op.CLAIM_NEXT)
async def _claim_next(stage: Stage) -> Write:
    for _ in range(2):
        await stage.queued()
    return Write(Op.CLAIM_NEXT, {}, {}, {"lease_seconds": 7}, AGENT)


@situation(Op.CLAIM_BATCH)
async def _claim_batch(stage: Stage) -> Write:
    for _ in range(2):
        await stage.queued()
    body, other = {"max_runs": 2}, {"max_runs": 2, "lease_seconds": 7}
    return Write(Op.CLAIM_BATCH, {}, body, other, AGENT)


@situation(Op.CREATE_BATCH)
async def _create_batch(stage: Stage) -> Write:
    task = {"scope": "global", "title": "T"}
    waits = [{"ref": "a"}, {"task_id": await stage.task()}]
    items = [{**task, "depends_on": waits, "parent_ref": "a"}, {**task, "ref": "a"}]
    return Write(Op.CREATE_BATCH, {}, {"items": items}, {"items": items[1:]})


def _by_agent_of_many(operation: Op, members: Any, others: Any) -> None:
    @situation(operation)
    async def make(stage: Stage) -> Write:
        run_id = await stage.leased()
        body = {"items": [{"run_id": run_id, **members}, {"run_id": "run-unknown", **members}]}
        other = {"items": [{"run_id": run_id, **others}]}
        return Write(operation, {}, body, other, AGENT)


_by_agent_of_many(Op.HEARTBEAT_BATCH, {"lease_seconds": 60}, {"lease_seconds": 61})
_by_agent_of_many(Op.RELEASE_BATCH, _WHY, _WHY_ELSE)
_by_agent_of_many(Op.COMPLETE_BATCH, {"result": {}}, {"result": {"a": 1}})
_by_agent_of_many(Op.FAIL_BATCH, {"error": "e"}, {"error": "f"})


@situation(Op.BULK_RELEASE)
async def _bulk_release(stage: Stage) -> Write:
    first, second, third = [await stage.claimed() for _ in range(3)]
    body = {"run_ids": [first, second, "run-unknown"], **_WHY}
    return Write(Op.BULK_RELEASE, {}, body, {"run_ids": [third], **_WHY})


@situation(Op.BULK_FAIL)
async def _bulk_fail(stage: Stage) -> Write:
    first, second, third = [await stage.queued() for _ in range(3)]
    body = {"run_ids": [first, second, "run-unknown"], **_WHY}
    return Write(Op.BULK_FAIL, {}, body, {"run_ids": [third], **_WHY})


def _on_many(operation: Op, body: Any, other: Any, **members: Any) -> None:
    @situation(operation)
    async def make(stage: Stage) -> Write:
        first, second, third = [await stage.task(**members) for _ in range(3)]
        ids = [first, "task-unknown", second]
        return Write(operation, {}, {"ids": ids, **body}, {"ids": [third], **other})


_on_many(Op.BULK_APPROVE_TASKS, {}, {"metadata": {"a": 1}}, **_MANUAL)
_on_many(Op.BULK_PAUSE_TASKS, _WHY, _WHY_ELSE)
_on_many(Op.BULK_RESUME_TASKS, {}, {"metadata": {"a": 1}})
_on_many(Op.BULK_ARCHIVE_TASKS, {}, {})


@situation(Op.BULK_CANCEL_TASKS)
async def _cancel_tasks(stage: Stage) -> Write:
    """By a filter that they do not match any more, once they are canceled."""
    for _ in range(3):
        await stage.task(priority="low")
    body = {"filter": {"status": "ready", "priority": "low"}, "limit": 2}
    return Write(Op.BULK_CANCEL_TASKS, {}, body, {**body, **_WHY})


@situation(Op.BULK_CANCEL_RUNS)
async def _cancel_runs(stage: Stage) -> Write:
    for _ in range(3):
        await stage.queued()
    body = {"filter": {"status": "queued"}, "limit": 2}
    return Write(Op.BULK_CANCEL_RUNS, {}, body, {**body, **_WHY})


@situation(Op.BULK_RETRY_RUNS)
async def _retry_runs(stage: Stage) -> Write:
    for _ in range(2):
        await stage.do("POST", f"/api/task-runs/{await stage.queued()}/cancel")
    body = {"filter": {"status": "failed,canceled"}}
    return Write(Op.BULK_RETRY_RUNS, {}, body, {**body, "metadata": {"a": 1}})


@situation(Op.PAUSE_SCHEDULER)
async def _pause(stage: Stage) -> Write:
    return Write(Op.PAUSE_SCHEDULER, {}, _WHY, _WHY_ELSE)


@situation(Op.RESUME_SCHEDULER)
async def _resume_all(stage: Stage) -> Write:
    await stage.do("POST", "/api/scheduler/pause")
    return Write(Op.RESUME_SCHEDULER, {}, {}, _WHY)


@situation(Op.DRAIN_SCHEDULER)
async def _drain(stage: Stage) -> Write:
    return Write(Op.DRAIN_SCHEDULER, {}, _WHY, _WHY_ELSE)


@situation(Op.CREATE_WORKSPACE)
async def _create_workspace(stage: Stage) -> Write:
    return Write(Op.CREATE_WORKSPACE, {}, {"root_dir": "/srv/a"}, {"root_dir": "/srv/b"})


@situation(Op.RESOLVE_WORKSPACE)
async def _resolve_workspace(stage: Stage) -> Write:
    return Write(Op.RESOLVE_WORKSPACE, {}, {"path": "/srv/a"}, {"path": "/srv/b"})


@situation(Op.CREATE_SESSION)
async def _create_session(stage: Stage) -> Write:
    return Write(Op.CREATE_SESSION, {}, {"agent_name": "coder"}, {"agent_name": "tester"})


@situation(Op.END_SESSION)
async def _end_session(stage: Stage) -> Write:
    return Write(Op.END_SESSION, {"id": await stage.session()})


@situation(Op.RESEND_UNDELIVERED)
async def _resend(stage: Stage) -> Write:
    task_id = await stage.task()
    path, moody = (
        f"/api/tasks/{task_id}/notifications",
        {**SUBSCRIPTION, "bridge_instance_id": "moody"},
    )
    await stage.do("POST", f"{path}/bridges", moody)
    await stage.do("POST", f"/api/tasks/{task_id}/cancel")
    await trio.sleep(1)  # the receiver wants no more
    await stage.do("POST", f"{path}/bridges", moody)
    return Write(Op.RESEND_UNDELIVERED, {"id": task_id}, {"subscription_id": "sub"}, {})
