"""The calls of agents: they claim runs, keep them, and report how they ended."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from chargehand.actors.limits import BATCH_RUNS_MAX, BODY_BYTES_MAX
from chargehand.web.agents.asking import Asking, Request, body_of, encoded, new_key, quoted
from chargehand.web.agents.claims import Agent, Claim, claim_shown
from chargehand.web.agents.errors import ChargehandError, Refused, of_row
from chargehand.web.agents.given import several
from chargehand.web.operations import Operation

_BATCH_BYTES: Final = BODY_BYTES_MAX // 4  # of the items of one request


class AgentCalls(Asking):
    """What agents do, in sessions of their own."""

    async def register_session(
        self,
        agent_name: str,
        *,
        id: str | None = None,  # noqa: A002 - as the API calls it
        workspace: str | None = None,
        channel: str | None = None,
        capabilities: Iterable[str] = (),
    ) -> Agent:
        """Register a session, which is only needed for one that is to have a channel.

        Args:
            id: of the session; None: one is made.
            channel: it is given runs of this channel alone.
            capabilities: by which it is counted among those that could claim a run.
        """
        wanted = {
            "agent_name": agent_name,
            "id": id,
            "workspace": workspace,
            "channel": channel,
            "capabilities": several("capabilities", capabilities),
        }
        session = (await self._write("/api/sessions", wanted))["session"]
        return Agent(agent_name, session["id"], workspace)

    async def end_session(self, session_id: str) -> None:
        """End a session; whatever it holds is back in the queue when this returns.

        Raises:
            Refused: `session_not_found`, also for one that has ended.
        """
        await self.request("DELETE", f"/api/sessions/{quoted(session_id)}")

    async def claim(
        self,
        agent: Agent,
        *,
        wait: bool = False,
        lease_seconds: int | None = None,
        capabilities: Iterable[str] = (),
        priority_min: int = 0,
        key: str | None = None,
    ) -> Claim | None:
        """The best run that the agent may have, under a lease; None where there is none.

        Args:
            wait: until there is one, or the scheduler's time for that is over (25 s, unless it was
                set otherwise).
            lease_seconds: how long the lease lasts without a heartbeat, up to 86,400; None: 300.
            capabilities: what the agent can do.
            priority_min: nothing less urgent: 10 is low, 20 medium, 30 high, 40 urgent.
            key: under it, this gives the same claim as before, as long as that lease lives; None:
                one of its own.

        Raises:
            Refused: `AUTONOMY_LEASE_ALREADY_HELD`, `identity_stale` (the session has ended) and
                others.
        """
        wanted = _wanted(wait, lease_seconds, capabilities, priority_min, key)
        path = "/api/agent/tasks/claim-next"
        raw = await self._send(Request("POST", path, {}, body_of(wanted), agent, waits=wait))
        return claim_shown(agent, orjson.loads(raw)["claim"], lease_seconds) if raw else None

    async def claim_batch(
        self,
        agent: Agent,
        max_runs: int,
        *,
        wait: bool = False,
        lease_seconds: int | None = None,
        capabilities: Iterable[str] = (),
        priority_min: int = 0,
        key: str | None = None,
    ) -> list[Claim]:
        """The best runs that the agent may have, each under a lease of its own; empty where there
        is none. It waits, if at all, until there is one, and takes what else there is then.

        Args:
            max_runs: how many at most, 1 to 256. The agent gets no more than it may hold at a time
                (`max_leases_per_session` of the scheduler).
            key: under it, this gives the same claims as before, as long as their leases live, and
                what else there is up to `max_runs`; None: one of its own.

        The others as of `claim`.

        Raises:
            Refused: as `claim`, where the agent may not have even one.
        """
        wanted = _wanted(wait, lease_seconds, capabilities, priority_min, key)
        body = body_of({"max_runs": max_runs, **wanted})
        path = "/api/agent/tasks/claim-batch"
        raw = await self._send(Request("POST", path, {}, body, agent, waits=wait))
        claims = orjson.loads(raw)["claims"] if raw else ()
        return [claim_shown(agent, claim, lease_seconds) for claim in claims]

    async def heartbeat(self, claim: Claim) -> datetime:
        """Renew a lease for as long as it was asked for. Returns when it ends now.

        Raises:
            LeaseLost: it is over; stop working.
        """
        lease = await self._of_claim(claim, "heartbeat", {"lease_seconds": claim.lease_seconds})
        claim.lease_until = datetime.fromisoformat(lease["lease_until"])
        return claim.lease_until

    async def complete(self, claim: Claim, result: object = None) -> None:
        """End a run well. May be repeated with the same result.

        Args:
            result: what was made: JSON of at most 64 KiB.

        Raises:
            LeaseLost: the run is not the agent's any more; its result counts for nothing.
            Refused: the result is no JSON, or too large.
        """
        await self._of_claim(claim, "complete", {"result": result})

    async def fail(self, claim: Claim, error: str, metadata: object = None) -> None:
        """End a run that did not work out. The task is tried again only if an operator asks for
        that. May be repeated with the same error.

        Args:
            error: what went wrong; cut at 64 KiB.
            metadata: facts for whoever looks into it: JSON of at most 64 KiB.

        Raises:
            LeaseLost: the run is not the agent's any more.
            Refused: the metadata is no JSON, or too large.
        """
        await self._of_claim(claim, "fail", {"error": error, "metadata": metadata})

    async def release(self, claim: Claim, reason: str | None = None) -> None:
        """Give a run back, into the place in the queue that it had.

        Raises:
            LeaseLost: the run is not the agent's any more.
        """
        await self._of_claim(claim, "release", {"reason": reason}, new_key())

    async def _of_claim(
        self, claim: Claim, verb: str, members: Mapping[str, object], key: str | None = None
    ) -> dict[str, Any]:
        """Named by its token, so that a late call touches no later claim of the session. Most may
        be sent again without a key: a heartbeat by its nature, an end as its body is the same."""
        path = f"/api/agent/tasks/{quoted(claim.run_id)}/{verb}"
        body = body_of({**members, "claim_token_hash": claim.token})
        raw = await self._send(Request("POST", path, {}, body, claim.agent, key))
        lease: dict[str, Any] = orjson.loads(raw)["lease"]
        return lease

    # --- many runs at once: what each is refused with, and None where it is done ------------------

    async def heartbeat_batch(self, claims: Sequence[Claim]) -> list[ChargehandError | None]:
        """Renew many leases in one request, in process in one turn; one alone is as `heartbeat`.

        Like all of its kind, this raises neither `Refused` nor `Unavailable`: it returns them, for
        each of what was given, in that order; None: it is done. One that is refused changes nothing
        for the others. A batch that is too large for one request is sent as several.

        Args:
            claims: of one agent.

        Raises:
            ValueError: they are of several agents.
        """
        items = [(claim, {"lease_seconds": claim.lease_seconds}) for claim in claims]
        rows = await self._of_claims("heartbeat", items, Operation.AGENT_HEARTBEAT)
        for claim, row in zip(claims, rows, strict=True):
            if not isinstance(row, ChargehandError):
                claim.lease_until = datetime.fromisoformat(row["lease_until"])
        return _errors(rows)

    async def complete_batch(
        self, completions: Sequence[tuple[Claim, object]]
    ) -> list[ChargehandError | None]:
        """End many runs well, each with its result; as `complete` for each, answered as
        by `heartbeat_batch`."""
        items = [(claim, {"result": result}) for claim, result in completions]
        return _errors(await self._of_claims("complete", items, Operation.AGENT_COMPLETE))

    async def fail_batch(
        self, failures: Sequence[tuple[Claim, str, object]]
    ) -> list[ChargehandError | None]:
        """End many runs that did not work out, each with its error and metadata, which may be None;
        as `fail` for each, answered as by `heartbeat_batch`."""
        items = [(claim, {"error": error, "metadata": facts}) for claim, error, facts in failures]
        return _errors(await self._of_claims("fail", items, Operation.AGENT_FAIL))

    async def release_batch(
        self, releases: Sequence[tuple[Claim, str | None]]
    ) -> list[ChargehandError | None]:
        """Give many runs back, each with its reason, which may be None; as `release` for each,
        answered as by `heartbeat_batch`."""
        items = [(claim, {"reason": reason}) for claim, reason in releases]
        return _errors(
            await self._of_claims("release", items, Operation.AGENT_RELEASE, needs_key=True)
        )

    async def _of_claims(
        self,
        verb: str,
        items: Sequence[tuple[Claim, Mapping[str, object]]],
        operation: Operation,
        *,
        needs_key: bool = False,
    ) -> list[dict[str, Any] | ChargehandError]:
        """For each item its lease, or why nothing was done. Sent again as of `_of_claim`."""
        agent = agent_of(claim for claim, _ in items)
        answers: list[dict[str, Any] | ChargehandError | None] = []
        sent: list[tuple[int, bytes]] = []
        for place, (claim, members) in enumerate(items):
            named = {"run_id": claim.run_id, "claim_token_hash": claim.token}
            try:
                sent.append((place, body_of({**members, **named})))
            except Refused as refused:
                answers.append(refused)
            else:
                answers.append(None)
        for part in _requests_of(sent):
            body = encoded({"items": [orjson.Fragment(item) for _, item in part]})
            path = f"/api/agent/tasks/{verb}-batch"
            request = Request("POST", path, {}, body, agent, new_key() if needs_key else None)
            try:
                rows = orjson.loads(await self._send(request))["results"]
            except ChargehandError as error:
                for place, _ in part:
                    answers[place] = error
            else:
                for (place, _), row in zip(part, rows, strict=True):
                    answers[place] = row["lease"] if row["ok"] else of_row(row["error"], operation)
        assert None not in answers, "each item is in a request"
        return [answer for answer in answers if answer is not None]


def agent_of(claims: Iterable[Claim]) -> Agent | None:
    """Whose claims they are; None where there is none. Raises: ValueError: they are several's."""
    agents = {claim.agent for claim in claims}
    if len(agents) > 1:
        raise ValueError("a batch is of one agent: send one for each")
    return next(iter(agents), None)


def _requests_of(items: Sequence[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """As few requests as are of no more than so many items and so many bytes; what is larger is
    alone, so that it is refused alone."""
    part: list[tuple[int, bytes]] = []
    size = 0
    for place, item in items:
        if part and (len(part) == BATCH_RUNS_MAX or size + len(item) > _BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append((place, item))
        size += len(item)
    if part:
        yield part


def _errors(
    rows: Iterable[dict[str, Any] | ChargehandError],
) -> list[ChargehandError | None]:
    return [row if isinstance(row, ChargehandError) else None for row in rows]


def _wanted(
    wait: bool,
    lease_seconds: int | None,
    capabilities: Iterable[str],
    priority_min: int,
    key: str | None,
) -> dict[str, object]:
    return {
        "wait": wait or None,
        "lease_seconds": lease_seconds,
        "required_capabilities": several("capabilities", capabilities) or None,
        "priority_min": priority_min or None,
        "idempotency_key": key or new_key(),
    }
