"""What every request of the contract can be sent to: a task with a queued run, and another task."""

from typing import Any, Final, final

from attrs import evolve, frozen

from chargehand.actors.system import System
from chargehand.web.operations import Operation
from tests.web.client import Answered, ContractClient

SCENE_BRIDGE_ID: Final = "bridge-1"
_SCOPED: Final = {"scope": "global", "title": "t"}


@final
@frozen
class Scene:
    """There may be several of different numbers; but only one that is not struck."""

    systems: tuple[System, ...]  # all that are asked
    client: ContractClient
    number: int
    run_id: str
    review_id: str = "review-none"

    @property
    def task_id(self) -> str:
        return f"task-{self.number}"

    @property
    def other_id(self) -> str:
        """A task that the first one does not depend on."""
        return f"other-{self.number}"

    @property
    def session_id(self) -> str:
        """A registered session without a lease."""
        return f"s{self.number}"

    @property
    def agent(self) -> ContractClient:
        return self.client.acting_as(self.session_id)

    def body(self, operation: Operation) -> dict[str, Any]:
        """One that is good enough to get past the checks of the request itself."""
        match operation:
            case Operation.CREATE_TASK | Operation.CREATE_CHILD:
                return _SCOPED
            case Operation.UPDATE_TASK:
                return {"title": "u"}
            case Operation.ADD_DEPENDENCY:
                return {"depends_on_task_id": self.other_id}
            case Operation.CREATE_SUBSCRIPTION:
                bridge = {"bridge_instance_id": SCENE_BRIDGE_ID, "delivery_mode": "reply"}
                return {**bridge, "scope": "global", "peer_id": "p"}
            case Operation.ATTACH_SESSION:
                return {"session_id": self.session_id}
            case Operation.AGENT_FAIL | Operation.FAIL_RUN:
                return {"error": "e"}
            case Operation.PAUSE_TASK | Operation.FORCE_FAIL:
                return {"reason": "r"}
            case Operation.SUBMIT_VERDICT:
                verdict = {"outcome": "approved", "confidence": 1, "reason": "r"}
                return {"run_id": self.run_id, "verdict": {**verdict, "delivery_id": "d"}}
            case Operation.BULK_RELEASE | Operation.BULK_FAIL:
                return {"run_ids": [self.run_id], "reason": "r"}
            case _:
                return {}

    async def request(
        self,
        operation: Operation,
        body: Any = None,
        client: ContractClient | None = None,
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answered:
        """A request that is good, but for what is given; by the agent where only agents may."""
        ids = {
            "id": self._id_for(operation),
            "run_id": self.run_id,
            "depends_on_id": self.other_id,
            "subscription_id": "bts-none",
        }
        if client is None:
            client = self.agent if operation.path.startswith("/api/agent") else self.client
        given = self.body(operation) if body is None else body
        if operation.method in {"GET", "DELETE"}:
            given = b""
        target = f"{operation.path.format(**ids)}?{query}".rstrip("?")
        return await client.send(operation.method, target, given, headers)

    def _id_for(self, operation: Operation) -> str:
        if operation.path.startswith("/api/task-reviews"):
            return self.review_id
        if operation.path.startswith(("/api/task-runs", "/api/runs")):
            return self.run_id
        return self.task_id

    async def do(self, operation: Operation, body: Any = None) -> None:
        """A request that succeeds."""
        answered = await self.request(operation, body)
        assert answered.status < 300, answered.body

    async def reviewed(self) -> "Scene":
        """The scene with its run completed, and a review of it asked for."""
        for step in (Operation.CLAIM_RUN, Operation.START_RUN, Operation.COMPLETE_RUN):
            await self.do(step)
        asked = await self.request(Operation.REQUEST_REVIEW)
        return evolve(self, review_id=asked.json["review"]["review_id"])

    async def strike(self) -> None:
        """Nothing of it can be claimed any more."""
        for task_id in (self.task_id, self.other_id):
            await self.client.post(f"/api/tasks/{task_id}/cancel")


async def set_scene(systems: tuple[System, ...], client: ContractClient, number: int) -> Scene:
    scene = Scene(systems, client, number, "")
    for task_id in (scene.task_id, scene.other_id):
        await client.created(id=task_id)
    await client.post("/api/sessions", {"agent_name": "coder", "id": scene.session_id})
    queued = await client.post(f"/api/tasks/{scene.task_id}/runs")
    return Scene(systems, client, number, queued.json["run"]["id"])
