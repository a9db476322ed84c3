"""Those who act in the demo: eight agents and an operator."""

from collections import Counter
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final, final

import trio
from attrs import define, field

from chargehand.actors.errors import Code
from chargehand.web.agents.api import Api
from chargehand.web.agents.claims import Agent, Claim
from chargehand.web.agents.errors import ChargehandError, LeaseLost
from chargehand.web.agents.shown import Event
from chargehand.web.demo.plan import APPROVAL, Step
from chargehand.web.demo.progress import Progress

AGENTS: Final = ("ada", "boole", "curie", "dijkstra", "euler", "fermi", "gauss", "hopper")
LEASE_S: Final = 5  # short, so that a lost agent is found while one watches
HEARTBEAT_S: Final = 1.0
OPERATOR_S: Final = 0.8  # how long the operator thinks
_FOREIGN_S: Final = 2.0  # for a task that is not of the demo
_REFUSED_S: Final = 1.0  # until an agent that was given no run asks again


@final
@define(eq=False)
class Crew:
    """Agents at work on `steps`; `pace` is how many times faster than planned they are.

    Whatever the server refuses costs an agent the run that it works on, and no more: it says so and
    claims another.
    """

    api: Api
    steps: dict[str, Step]  # by task id
    pace: float
    say: Callable[[str], None]  # a line for people
    claims: Counter[str] = field(factory=Counter)  # by agent's name
    lost: set[str] = field(factory=set)  # task ids that have cost an agent already

    async def agent(self, name: str) -> None:
        await attend(self.api, name, self._take, self.say)

    async def _take(self, claim: Claim) -> bool:
        self.claims[claim.agent.name] += 1
        step = self.steps.get(claim.task_id) or foreign_step(claim)
        if step.loses_its_agent and claim.task_id not in self.lost:
            self.lost.add(claim.task_id)
            await trio.sleep(LEASE_S + 1)
            return False
        try:
            await self._work(claim, step)
        except ChargehandError as refused:
            self.say(given_up(claim.agent.name, step.title, refused))
        return True

    async def _work(self, claim: Claim, step: Step) -> None:
        await begin(self.api, claim)
        await work_for(self.api, claim, step.seconds / self.pace)
        if claim.attempt <= step.failures:
            await self.api.fail(claim, step.error)
        else:
            await self.api.complete(claim, {"done": step.title, "by": claim.agent.name})

    async def _post(self, path: str, body: dict[str, object]) -> None:
        await self.api.request("POST", path, body)

    async def operator(self, events: trio.MemoryReceiveChannel[Event], progress: Progress) -> None:
        """Retries what has failed, recovers what is parked, and approves when all is ready."""
        approved = False
        async for event in events:
            try:
                if event.type == "task.run_failed" and event.run_id is not None:
                    await self._think()
                    retried: dict[str, object] = {"metadata": {"by": "the operator"}}
                    await self._post(f"/api/runs/{event.run_id}/retry", retried)
                if event.type == "task.run_needs_attention" and event.run_id is not None:
                    await self._think()
                    recovered: dict[str, object] = {"reason": "the operator looked at it"}
                    await self._post(f"/api/runs/{event.run_id}/recover", recovered)
                if not approved and progress.may_be_approved:
                    approved = True
                    await self._think()
                    await self._post(f"/api/tasks/{_task_of(APPROVAL, self.steps)}/approve", {})
            except ChargehandError as refused:
                self.say(f"the operator is refused: {refused}")

    async def _think(self) -> None:
        await trio.sleep(OPERATOR_S / self.pace)


async def attend(
    api: Api, name: str, take: Callable[[Claim], Awaitable[bool]], say: Callable[[str], None]
) -> None:
    """An agent for good: it claims a run, works on it, and claims the next.

    Args:
        take: works on what was claimed. False: the agent is not heard of again, and comes back as
            a new session.
        say: a line for people.
    """
    life = 1
    while True:
        identity = Agent(name, name if life == 1 else f"{name}-{life}")
        try:
            claim = await api.claim(identity, wait=True, lease_seconds=LEASE_S)
        except ChargehandError as refused:
            if refused.code == Code.IDENTITY_STALE.code:
                life += 1
            else:
                say(f"{name} is given no run: {refused}")
            await trio.sleep(_REFUSED_S)
            continue
        if claim is not None and not await take(claim):
            life += 1


async def begin(api: Api, claim: Claim) -> None:
    """Start the run that was claimed."""
    body = {"idempotency_key": claim.run_id}
    await api.request("POST", f"/api/task-runs/{claim.run_id}/start", body, agent=claim.agent)


async def work_for(api: Api, claim: Claim, seconds: float) -> None:
    """Work, and send heartbeats meanwhile. Raises: LeaseLost: the run is somebody else's."""
    for _ in range(ceil(seconds / HEARTBEAT_S) - 1):
        await trio.sleep(HEARTBEAT_S)
        seconds -= HEARTBEAT_S
        await api.heartbeat(claim)
    await trio.sleep(seconds)


def foreign_step(claim: Claim) -> Step:
    """What an agent does with a task that somebody who watches has handed in."""
    return Step(claim.task_id, claim.title, None, (), "medium", _FOREIGN_S)


def given_up(agent: str, title: str, refused: ChargehandError) -> str:
    if isinstance(refused, LeaseLost):
        return f"{agent} was away for too long, and leaves {title} to others"
    return f"{agent} cannot go on with {title}: {refused}"


def _task_of(key: str, steps: dict[str, Step]) -> str:
    return next(task_id for task_id, step in steps.items() if step.key == key)
