"""What the benchmarks measure is what they say that they measure."""

from collections import deque
from types import SimpleNamespace

import pytest
import trio

from benchmarks.compare.rounds import Turns
from benchmarks.growth import streams
from chargehand.web.bench.loops import Claimed


async def test_each_agent_holds_the_runs_of_the_tasks_that_it_handed_in(monkeypatch):
    queue: deque[str] = deque()

    class Giver:
        def __init__(self, wire: str, fields: dict[str, object], size: int) -> None:
            self.wire = wire
            self.task_ids: list[str] = []

        async def put(self, number: int) -> None:
            await trio.lowlevel.checkpoint()
            task_id = f"{self.wire} {number}"
            self.task_ids.append(task_id)
            queue.append(task_id)
            await trio.lowlevel.checkpoint()

    class Agent:
        def __init__(self, wire: str, headers: str) -> None:
            pass

        async def claim(self, wait: bool) -> list[Claimed]:
            await trio.lowlevel.checkpoint()
            return [Claimed(0, queue.popleft())]

    monkeypatch.setattr(streams, "WireGiver", Giver)
    monkeypatch.setattr(streams, "WireAgent", Agent)
    agents = [streams._Agent(number, f"agent {number}", "") for number in range(3)]
    alone = trio.Lock()
    async with trio.open_nursery() as nursery:
        for agent in agents:
            nursery.start_soon(agent.hold, 20, alone)
    for agent in agents:
        assert len(agent.run_ids) == 20
        assert agent.run_ids == agent.task_ids


@pytest.mark.parametrize(
    ("done", "shown"), [(9998, "99.9%"), (10_000, "100%"), (6074, "60.7%"), (0, "0%")]
)
def test_less_than_all_is_never_shown_as_all(done, shown):
    assert Turns([SimpleNamespace(done=done, asked=10_000)]).share_done == shown
