"""What goes on while the demo is held: the aftermath is handed in, and the agents stay at work."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, final

import trio
from attrs import define, field

from chargehand.web.agents.api import Api
from chargehand.web.agents.claims import Claim
from chargehand.web.agents.errors import ChargehandError
from chargehand.web.agents.shown import Event
from chargehand.web.demo.aftermath import ROOT, SECONDS, Conduct, Errand, Rejection
from chargehand.web.demo.crew import AGENTS, OPERATOR_S, attend, begin, given_up, work_for

ROUNDS: Final = 2  # of a review; the second one waits for its verdict
SILENT_LEASE_S: Final = 120  # long enough to be seen running out
_SILENT_S: Final = 5.0  # until an agent that fell silent comes back as another session
_HELD_LEASE_S: Final = 60  # of work that does not end
_HELD_HEARTBEAT_S: Final = 10.0
_VANISHED_LEASE_S: Final = 1
_CONFIDENCE: Final = 0.9
_REVIEW_REQUESTED: Final = "task.run_review_requested"

_TOLD: Final = {
    "task.run_claimed": "{agent} takes {title}",
    "task.run_completed": "{agent} has completed {title}",
    "task.run_failed": "{agent} has failed at {title}",
    "task.run_operator_retry": "somebody retries {title}",
    "task.run_lease_expired": "the lease of {title} ran out; it is queued again",
    "task.run_needs_attention": "{title} needs attention, as its lease ran out again and again",
    "task.run_recovered_from_attention": "somebody recovers {title}",
    "task.approved": "somebody approves {title}",
    "task.paused": "{title} is paused",
    "task.resumed": "{title} goes on",
    "task.canceled": "{title} is canceled",
}
_LEFT_BY: Final = {  # the event after which a task is as it is meant to be found
    Conduct.HOLD: "task.run_claimed",
    Conduct.FALL_SILENT: "task.run_claimed",
    Conduct.VANISH: "task.run_needs_attention",
    Conduct.WORK: "task.run_completed",
}


@final
@define(eq=False)
class Aftermath:
    """Hands `plan` in, brings it to where it needs a person, and works on what the person decides.

    Args:
        pace: how many times faster than planned the agents work until everything is ready.
        say: a line for people.
    """

    api: Api
    plan: Sequence[Errand]
    pace: float
    say: Callable[[str], None]
    is_ready: trio.Event = field(factory=trio.Event, init=False)
    """Set once everything is as it is meant to be found."""
    _errands: dict[str, Errand] = field(factory=dict, init=False)  # by task id
    _ids: dict[str, str] = field(factory=dict, init=False)  # task ids by key
    _seen: Counter[tuple[str, str]] = field(factory=Counter, init=False)  # key and type of event

    async def run(self) -> None:
        """Until it is canceled.

        Raises:
            ChargehandError: something could not be handed in.
        """
        for errand in self.plan:
            await self._hand_in(errand)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            for name in AGENTS:
                nursery.start_soon(attend, self.api, name, self._take, self.say)

    # --- what is handed in ------------------------------------------------------------------------

    async def _hand_in(self, errand: Errand) -> None:
        above = self._ids.get(ROOT)
        path = "/api/tasks" if above is None else f"/api/tasks/{above}/children"
        task_id = (await self._post(path, errand.members))["task"]["id"]
        self._ids[errand.key], self._errands[task_id] = task_id, errand
        task = f"/api/tasks/{task_id}"
        for key in errand.after:
            await self.api.add_dependency(task_id, self._ids[key])
        if errand.capability:
            profile = {"worker": {"mode": "select", "required_capabilities": [errand.capability]}}
            await self.api.request("PUT", f"{task}/execution-profile", profile)
        if errand.paused_because:
            await self._post(f"{task}/pause", {"reason": errand.paused_because})
        if errand.is_started:
            await self.api.start_task(task_id)

    async def _post(self, path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        answer: dict[str, dict[str, str]] = await self.api.request("POST", path, body)
        return answer

    # --- what agents do ---------------------------------------------------------------------------

    async def _take(self, claim: Claim) -> bool:
        errand = self._errands.get(claim.task_id) or Errand(claim.task_id, claim.title)
        try:
            return await self._conduct(claim, errand)
        except ChargehandError as refused:
            self.say(given_up(claim.agent.name, errand.title, refused))
            return True

    async def _conduct(self, claim: Claim, errand: Errand) -> bool:
        """Returns: whether the agent is heard of again."""
        conduct = errand.conduct if claim.attempt == 1 else Conduct.WORK
        if conduct is not Conduct.VANISH:
            await begin(self.api, claim)
        match conduct:
            case Conduct.HOLD:
                while True:
                    await self._renew(claim, _HELD_LEASE_S)
                    await trio.sleep(_HELD_HEARTBEAT_S)
            case Conduct.FALL_SILENT:
                await self._renew(claim, SILENT_LEASE_S)
                await trio.sleep(_SILENT_S)
                return False
            case Conduct.VANISH:
                await self._renew(claim, _VANISHED_LEASE_S)
                return False
            case Conduct.WORK:
                # What a person has decided is worked on so that it can be watched.
                pace = 1 if self.is_ready.is_set() else self.pace
                await work_for(self.api, claim, SECONDS / pace)
                await self._end(claim, errand)
        return True

    async def _renew(self, claim: Claim, lease_s: int) -> None:
        claim.lease_seconds = lease_s
        await self.api.heartbeat(claim)

    async def _end(self, claim: Claim, errand: Errand) -> None:
        if claim.attempt <= len(errand.errors):
            await self.api.fail(claim, errand.errors[claim.attempt - 1], errand.facts)
        else:
            await self.api.complete(claim, errand.result or {"by": claim.agent.name})

    # --- what whoever hands it in does, and what is told ------------------------------------------

    async def _follow(self) -> None:
        """All events below the root, until it is deleted."""
        try:
            async with self.api.events(self._ids[ROOT]) as events:
                async for event in events:
                    errand = self._errands.get(event.task_id)
                    if errand is not None:
                        self._tell(event, errand)
                        await self._answer(event, errand)
        except ChargehandError as refused:
            self.say(f"nothing more is told: {refused}")

    def _tell(self, event: Event, errand: Errand) -> None:
        template = _TOLD.get(event.type)
        if template is not None:
            agent = event.actor.partition(":")[2]
            self.say(template.format(agent=agent, title=errand.title))

    async def _answer(self, event: Event, errand: Errand) -> None:
        """Bring it nearer to where it needs a person, unless it was there before."""
        seen = self._seen
        seen[errand.key, event.type] += 1
        if self.is_ready.is_set() or event.run_id is None:
            return
        if event.type == "task.run_failed" and seen[errand.key, event.type] < len(errand.errors):
            await self._trying(f"/api/runs/{event.run_id}/retry", {})
        if event.type == "task.run_completed" and seen[errand.key, event.type] == 1:
            await self._review(event.run_id, errand.rejection)
        if all(self._is_left(errand) for errand in self.plan):
            self.is_ready.set()

    def _is_left(self, errand: Errand) -> bool:
        if not errand.is_started or errand.capability or errand.owner or errand.paused_because:
            return True
        if errand.errors:
            return self._seen[errand.key, "task.run_failed"] >= len(errand.errors)
        if errand.rejection is not None:
            return self._seen[errand.key, _REVIEW_REQUESTED] >= ROUNDS
        return self._seen[errand.key, _LEFT_BY[errand.conduct]] > 0

    async def _review(self, run_id: str, rejection: Rejection | None) -> None:
        """Have a run judged, and reject it; its next round is judged without being asked for."""
        if rejection is None:
            return
        asked: dict[str, object] = {"policy": "on_success", "reason": rejection.request}
        answer = await self._trying(f"/api/task-runs/{run_id}/reviews", asked)
        if answer is None:
            return
        review_id = answer["review"]["review_id"]
        verdict = {
            "outcome": "rejected",
            "confidence": _CONFIDENCE,
            "reason": rejection.reason,
            "missing_work": list(rejection.missing_work),
            "next_round_guidance": rejection.guidance,
            "delivery_id": f"{review_id}-1",
        }
        judged: dict[str, object] = {"run_id": run_id, "verdict": verdict}
        await self._trying(f"/api/task-reviews/{review_id}/verdict", judged)

    async def _trying(self, path: str, body: dict[str, object]) -> dict[str, dict[str, str]] | None:
        """Somebody who watches may have been faster."""
        await trio.sleep(OPERATOR_S / self.pace)
        try:
            return await self._post(path, body)
        except ChargehandError as refused:
            self.say(f"this is refused: {refused}")
            return None
