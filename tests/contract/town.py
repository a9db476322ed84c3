"""A workspace with its tasks, runs and sessions, made to be like those of a recorded answer."""

import json
from typing import Any, Final, final

import trio
from attrs import define, field

from tests.contract.likeness import renamed
from tests.web.client import Answered, ContractClient

ROOT_DIR: Final = "/home/dev/checkout/ws"
WORKSPACE_ID: Final = "ws_63695cc2604a93d9"  # of all answers but the stream
CHANNEL: Final = "default"  # of every session of the original, and so of every task
WORKER: Final = "sess-be2076961780f2c8"
BRIDGE_ID: Final = "brg-06f19a1947b64993"  # of the workspace
AGENTS: Final = {WORKER: "coder", "sess-37e00052cc1321c8": "reviewer"}
_GIVEN: Final = ("id", "scope", "title", "identifier", "description", "priority", "metadata")
_ALSO_GIVEN: Final = ("max_attempts", "approval_policy")


@final
@define
class Town:
    """What is made has the recorded ids where a caller may choose them; `names` tells the others.

    Methods take recorded objects, and ask nothing of the app but what its clients may.
    """

    client: ContractClient
    names: dict[str, str] = field(factory=dict)
    _sessions: set[str] = field(factory=set)

    async def send(self, method: str, target: str, body: Any = None, **headers: str) -> Answered:
        """A request with the ids of the original."""
        text = "" if body is None else renamed(json.dumps(body), self.names)
        target = renamed(target, self.names)
        return await self.client.send(method, target, text.encode(), headers)

    async def post(self, target: str, body: Any = None, **headers: str) -> Any:
        """What a good answer to a request with the ids of the original holds."""
        answered = await self.send("POST", target, body, **headers)
        assert answered.status < 300, answered.body
        return answered.json if answered.body else None

    async def settle(self, workspace_id: str = WORKSPACE_ID) -> None:
        """There is the workspace that has this id in the recording."""
        made = await self.post("/api/workspaces/resolve", {"path": ROOT_DIR})
        self.names[workspace_id] = made["workspace"]["id"]

    async def register(self, session_id: str, agent: str = "coder") -> None:
        """There is the session, with the channel that all sessions have."""
        if session_id in self._sessions:
            return
        self._sessions.add(session_id)
        body = {"id": session_id, "agent_name": agent, "workspace": ROOT_DIR, "channel": CHANNEL}
        await self.post("/api/sessions", body)

    async def act_as(self, session_id: str) -> dict[str, str]:
        """The headers of a registered session."""
        agent = AGENTS.get(session_id, "coder")
        await self.register(session_id, agent)
        return {"X-AGH-Session-ID": session_id, "X-AGH-Agent": agent}

    async def create(self, task: dict[str, Any], **fields: Any) -> None:
        """There is the task, in whatever form it was shown; `fields` go before its own."""
        given = {name: task[name] for name in (*_GIVEN, *_ALSO_GIVEN) if name in task}
        body = {"title": "t", "scope": "workspace", "network_channel": CHANNEL, **given, **fields}
        if body["scope"] == "workspace":
            body["workspace"] = ROOT_DIR
        parent_id = task.get("parent_task_id")
        children = "" if parent_id is None else f"/{parent_id}/children"
        await self.post(f"/api/tasks{children}", body)

    async def enqueue(self, run: dict[str, Any], **task: Any) -> None:
        """There are the run, queued in the way that its origin tells, and its task.

        `task` are more members of the task.
        """
        task = {"id": run["task_id"], **task}
        path = f"/api/tasks/{run['task_id']}"
        match run["origin"]["ref"]:
            case "tasks.enqueue_run":
                await self.create(task)
                made = await self.post(f"{path}/runs", _key_of(run))
            case "tasks.start":
                await self.create(task)
                made = await self.post(f"{path}/start", _key_of(run))
            case "tasks.publish":
                await self.create(task, draft=True)
                made = await self.post(f"{path}/publish", _key_of(run))
            case "tasks.retry_run":
                await self.create(task)
                first = (await self.post(f"{path}/runs"))["run"]
                self.names[run["previous_run_id"]] = first["id"]
                await self.post(f"/api/runs/{first['id']}/fail", {"reason": "first"})
                made = await self.post(f"/api/runs/{first['id']}/retry")
            case "agent.task.complete":
                made = await self._enqueue_by_blocker(run, task)
            case other:
                raise AssertionError(f"no way is known to make a run by {other}")
        self.names[run["id"]] = made["run"]["id"]

    async def _enqueue_by_blocker(self, run: dict[str, Any], task: dict[str, Any]) -> Any:
        """The run that is enqueued as the blocker of its task is completed by an agent."""
        blocker = {"id": "blocker", "task_id": "blocker", "origin": {"ref": "tasks.enqueue_run"}}
        blocker["id"] = run["idempotency_key"].rsplit(".", 1)[-1]  # it names the cause
        await self.enqueue(blocker)
        await self.create(task, auto_enqueue_on_ready=True)
        path = f"/api/tasks/{task['id']}"
        await self.post(f"{path}/dependencies", {"depends_on_task_id": "blocker"})
        await self.lease(WORKER)
        headers = await self.act_as(WORKER)
        await self.post(f"/api/agent/tasks/{blocker['id']}/complete", **headers)
        runs = await self.client.get(f"{path}/runs")
        return {"run": runs.json["runs"][0]}

    async def lease(self, session_id: str, **fields: Any) -> Any:
        """The session claims the next run."""
        headers = await self.act_as(session_id)
        return (await self.post("/api/agent/tasks/claim-next", fields, **headers))["claim"]

    async def claim(self, run: dict[str, Any]) -> None:
        """The run's claimer claims it: an agent the next run, an operator this one."""
        if _is_leased(run):
            claim = await self.lease(run["session_id"])
            assert claim["run"]["id"] == self.names[run["id"]]
        else:
            await self.post(f"/api/task-runs/{run['id']}/claim")

    async def attach(self, run: dict[str, Any]) -> None:
        await self.register(run["session_id"])
        body = {"session_id": run["session_id"]}
        await self.post(f"/api/task-runs/{run['id']}/attach-session", body)

    async def start(self, run: dict[str, Any]) -> None:
        await self.post(f"/api/task-runs/{run['id']}/start")

    async def end(self, run: dict[str, Any]) -> None:
        """The run's holder completes or fails it, as it was shown."""
        headers = await self.act_as(run["session_id"]) if _is_leased(run) else {}
        runs = "/api/agent/tasks" if headers else "/api/task-runs"
        verb = {"completed": "complete", "failed": "fail"}[run["status"]]
        body = {name: run[name] for name in ("result", "error") if name in run}
        await self.post(f"{runs}/{run['id']}/{verb}", body, **headers)

    async def park(self, run: dict[str, Any]) -> None:
        """The run's lease runs out, once too often."""
        await self.lease(WORKER, lease_seconds=1)
        await trio.sleep(2)
        shown = (await self.send("GET", f"/api/task-runs/{run['id']}")).json["run"]["run"]
        assert shown["status"] == "needs_attention"


def _is_leased(run: dict[str, Any]) -> bool:
    return run.get("claimed_by", {}).get("kind") == "agent_session"


def _key_of(run: dict[str, Any]) -> dict[str, str]:
    """The key that the run was made with, if the original did not make it up."""
    key = run.get("idempotency_key", "task.")
    return {} if key.startswith("task.") else {"idempotency_key": key}
