"""A place of its own on a server: nobody else is given its runs, and its agents get no others.

The agents are sessions of a workspace that is for this alone, so they claim none of the runs that
are there for others. The tasks belong to the pool of these agents, so that two measurements at a
time do not meet either.
"""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final, final

import orjson
import trio
from attrs import define, field

from chargehand.web.bench.wire import Address, Wire, connect_all
from chargehand.web.bench.work import (
    Unexpected,
    WireAgent,
    WireBatchAgent,
    WireGiver,
    agent_headers,
    ask,
)

WORKSPACE: Final = "/chargehand/bench"  # the one thing that stays: workspaces are never deleted
_GIVERS_MAX: Final = 32
_CLEARERS: Final = 16
_CLEAR_S: Final = 60.0


@final
@define
class Place:
    """Args:
    left: tasks that could not be deleted.
    """

    address: Address
    workspace_id: str
    agent_name: str
    session_ids: list[str] = field(factory=list)
    wires: list[Wire] = field(factory=list)
    givers: list[WireGiver] = field(factory=list)
    agents: list[WireAgent | WireBatchAgent] = field(factory=list)
    left: int = 0

    async def fill(self, agents: int, size: int, batch: int) -> None:
        """Connect agents and those who hand in, and register the sessions."""
        givers = min(agents, _GIVERS_MAX)
        self.wires = [Wire(self.address) for _ in range(agents + givers)]
        await connect_all(self.wires)
        task: dict[str, object] = {
            "scope": "workspace",
            "workspace": self.workspace_id,
            "owner": {"kind": "pool", "ref": self.agent_name},
        }
        self.givers += (WireGiver(wire, task, size) for wire in self.wires[agents:])
        for number, wire in enumerate(self.wires[:agents]):
            session_id = f"{self.agent_name}-{number}"
            session = {
                "id": session_id,
                "agent_name": self.agent_name,
                "workspace": self.workspace_id,
            }
            await ask(wire, "/api/sessions", session)
            self.session_ids.append(session_id)
            headers = agent_headers(session_id, self.agent_name)
            if batch == 1:
                self.agents.append(WireAgent(wire, headers))
            else:
                self.agents.append(WireBatchAgent(wire, headers, batch))

    async def clear(self) -> None:
        """End the sessions, which gives back what they hold, and delete the tasks."""
        for wire in self.wires:
            await wire.__aexit__(None, None, None)
        await self._delete(f"/api/sessions/{session_id}" for session_id in self.session_ids)
        made = [task_id for giver in self.givers for task_id in giver.task_ids]
        self.left = await self._delete(f"/api/tasks/{task_id}" for task_id in made)

    async def _delete(self, paths: Iterable[str]) -> int:
        """How many are left."""
        waiting = iter(list(paths))
        left = 0

        async def delete() -> None:
            nonlocal left
            async with Wire(self.address) as wire:
                for path in waiting:
                    status, _ = await wire.delete(path)
                    if status >= 300 and status != 404:
                        await wire.post(f"{path}/cancel", b"{}")
                        status, _ = await wire.delete(path)
                    left += status >= 300 and status != 404

        async with trio.open_nursery() as nursery:
            for _ in range(_CLEARERS):
                nursery.start_soon(delete)
        return left


@asynccontextmanager
async def place(address: Address) -> AsyncIterator[Place]:
    """Such a place; cleared at the end, also where that is because of a cancellation.

    Raises: Unexpected: the server does not let it be made.
    """
    async with Wire(address) as wire:
        answer = await ask(wire, "/api/workspaces/resolve", {"path": WORKSPACE})
    workspace_id = str(orjson.loads(answer)["workspace"]["id"])
    made = Place(address, workspace_id, f"bench-{os.urandom(6).hex()}")
    try:
        yield made
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLEAR_S):
            try:
                await made.clear()
            except* (OSError, Unexpected):
                made.left = -1  # the server is gone
