"""What is asked of a server: tasks in, claims, completions. Batches are taken up here alone."""

from collections.abc import Sequence
from typing import Final, final

import orjson

from chargehand.web.bench.loops import Claimed
from chargehand.web.bench.wire import Wire
from chargehand.web.headers import AGENT_HEADER, SESSION_HEADER

RESULT: Final = b'{"ok":true,"artifact":"build/1234"}'
_NUMBER_DIGITS: Final = 8


@final
class Unexpected(Exception):
    """An answer that no measuring can go on from."""

    def __init__(self, path: str, status: int, answer: bytes) -> None:
        self.path = path
        self.status = status
        self.answer = answer
        super().__init__(
            f"{path} was answered with {status}: {answer[:500].decode('utf-8', 'replace')}"
        )


def payload(number: int, size: int) -> str:
    """A text of that many bytes, which begins with the number."""
    return f"{number:0{_NUMBER_DIGITS}}".ljust(size, "x")


def number_of(text: str) -> int:
    """Of the task that a payload belongs to."""
    return int(text[:_NUMBER_DIGITS])


def agent_headers(session_id: str, agent_name: str) -> str:
    return f"{SESSION_HEADER}: {session_id}\r\n{AGENT_HEADER}: {agent_name}\r\n"


async def ask(wire: Wire, path: str, body: object, headers: str = "") -> bytes:
    """The answer to a POST; empty where there is nothing. Raises: Unexpected: it is an error."""
    status, answer = await wire.post(path, orjson.dumps(body), headers)
    if status >= 300:
        raise Unexpected(path, status, answer)
    return answer


@final
class WireGiver:
    """Hands tasks in, each with its run.

    Args:
        fields: of each task, besides its text.
    """

    def __init__(self, wire: Wire, fields: dict[str, object], size: int) -> None:
        self._wire = wire
        self._fields = fields
        self._size = size
        self.task_ids: list[str] = []

    async def put(self, number: int) -> None:
        text = payload(number, self._size)
        task = {**self._fields, "title": f"piece {number}", "description": text}
        made = orjson.loads(await ask(self._wire, "/api/tasks", task))
        task_id = str(made["task"]["id"])
        self.task_ids.append(task_id)
        await ask(self._wire, f"/api/tasks/{task_id}/runs", {})


@final
class WireAgent:
    """Claims one run at a time, and completes it."""

    def __init__(self, wire: Wire, headers: str) -> None:
        self._wire = wire
        self._headers = headers

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        body = b'{"wait":true}' if wait else b"{}"
        path = "/api/agent/tasks/claim-next"
        status, answer = await self._wire.post(path, body, self._headers)
        if status == 204:
            return ()
        if status != 200:
            raise Unexpected(path, status, answer)
        return (_claimed(orjson.loads(answer)["claim"]),)

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        for one in claimed:
            path = f"/api/agent/tasks/{one.handle}/complete"
            status, answer = await self._wire.post(
                path, b'{"result":' + RESULT + b"}", self._headers
            )
            if status != 200:
                raise Unexpected(path, status, answer)


@final
class WireBatchAgent:
    """Claims several runs at a time, and completes them together.

    Its session must be allowed to hold so many leases (`--max-leases-per-session`).
    """

    def __init__(self, wire: Wire, headers: str, size: int) -> None:
        self._wire = wire
        self._headers = headers
        self._size = size

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        body: dict[str, object] = {"max_runs": self._size, "wait": wait}
        answer = await ask(self._wire, "/api/agent/tasks/claim-batch", body, self._headers)
        if not answer:
            return ()
        return [_claimed(claim) for claim in orjson.loads(answer)["claims"]]

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        items = [{"run_id": one.handle, "result": orjson.Fragment(RESULT)} for one in claimed]
        path = "/api/agent/tasks/complete-batch"
        answer = await ask(self._wire, path, {"items": items}, self._headers)
        if not all(result["ok"] for result in orjson.loads(answer)["results"]):
            raise Unexpected(path, 200, answer)


def _claimed(claim: dict[str, dict[str, str]]) -> Claimed:
    return Claimed(number_of(claim["task"]["description"]), claim["run"]["id"])


async def heartbeat(wire: Wire, run_ids: Sequence[str], headers: str) -> None:
    """For each of the runs, in one request."""
    path = "/api/agent/tasks/heartbeat-batch"
    answer = await ask(wire, path, {"items": [{"run_id": run_id} for run_id in run_ids]}, headers)
    if not all(result["ok"] for result in orjson.loads(answer)["results"]):
        raise Unexpected(path, 200, answer)
