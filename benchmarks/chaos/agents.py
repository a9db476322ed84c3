"""Agents that claim with a key, work a little, sometimes die, and complete with a result."""

import random
import time
from typing import Final

import trio

from benchmarks.chaos.client import Client
from benchmarks.chaos.ledger import Hold, Ledger, wall_s

LEASE_S: Final = 3
WALKS_AWAY: Final = 0.04  # of all claims
_OK, _NOTHING, _CONFLICT = 200, 204, 409


async def work(url: str, number: int, rng: random.Random, ledger: Ledger, work_s: float) -> None:
    """Claim and complete until canceled."""
    session_id = f"agent-{number}"
    headers = {"X-AGH-Session-ID": session_id, "X-AGH-Agent": "chaos"}
    client = Client(url, headers)
    claims = 0
    try:
        while True:
            claims += 1
            hold = await _claim(client, session_id, f"{session_id}-{claims}")
            if hold is None:
                continue
            ledger.holds.append(hold)
            await trio.sleep(rng.uniform(0, 2 * work_s))
            if rng.random() < WALKS_AWAY:
                ledger.lost_leases += 1
                continue
            if rng.random() < 0.5:
                await _heartbeat(client, hold)
            await _complete(client, hold, ledger)
    finally:
        with trio.CancelScope(shield=True):
            await client.close()


async def _claim(client: Client, session_id: str, key: str) -> Hold | None:
    body = {"wait": True, "idempotency_key": key, "lease_seconds": LEASE_S}
    response = await client.post("/api/agent/tasks/claim-next", body)
    if response.status_code == _NOTHING:
        return None
    if response.status_code == _CONFLICT:  # it walked away from a run that it still holds
        await trio.sleep(0.2)
        return None
    if response.status_code != _OK:
        raise AssertionError(f"claim: {response.status_code} {response.text}")
    claim = response.json()["claim"]
    lease = claim["lease"]
    # A claim that is given again after its lease shows the run as it is by then.
    if lease.get("session_id") != session_id or "lease_until" not in lease:
        return None
    return Hold(
        run_id=lease["run_id"],
        task_id=lease["task_id"],
        session_id=session_id,
        claim_token_hash=lease["claim_token_hash"],
        claimed_s=time.time(),
        lease_until_s=wall_s(lease["lease_until"]),
    )


async def _heartbeat(client: Client, hold: Hold) -> None:
    """The lease may have run out meanwhile; the answer to the completion will show it."""
    path = f"/api/agent/tasks/{hold.run_id}/heartbeat"
    body = {"lease_seconds": LEASE_S, "claim_token_hash": hold.claim_token_hash}
    response = await client.send("POST", path, body)  # without a key: what counts is the lease now
    if response.status_code == _OK:
        hold.lease_until_s = wall_s(response.json()["lease"]["lease_until"])


async def _complete(client: Client, hold: Hold, ledger: Ledger) -> None:
    result = {"by": hold.session_id, "task": hold.task_id, "at": repr(time.time())}
    hold.asked_to_end_s = time.time()
    body = {"result": result, "claim_token_hash": hold.claim_token_hash}
    response = await client.post(f"/api/agent/tasks/{hold.run_id}/complete", body)
    if response.status_code == _OK:
        ledger.completed[hold.run_id] = result
        ledger.tasks_done.add(hold.task_id)
        ledger.change.notify()
    else:
        ledger.lost_leases += 1
