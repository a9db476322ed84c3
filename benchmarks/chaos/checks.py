"""What must be true in the end. Each check raises AssertionError with what it found."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from benchmarks.chaos.client import Client
from benchmarks.chaos.ledger import Hold, Ledger
from benchmarks.chaos.plan import Step

Event = dict[str, Any]  # as the API shows it

_PAGE: Final = 1000
_STARTS: Final = ("task.run_claimed",)
_ENDS: Final = (
    "task.run_released",
    "task.run_lease_expired",
    "task.run_completed",
    "task.run_failed",
    "task.run_canceled",
    "task.run_operator_forced_fail",
    "task.run_needs_attention",
)


async def timelines(client: Client, steps: Sequence[Step]) -> dict[str, list[Event]]:
    """All events of all tasks, by task."""
    found: dict[str, list[Event]] = {}
    for step in steps:
        response = await client.get(f"/api/tasks/{step.id}/timeline", limit=_PAGE)
        found[step.id] = response.json()["timeline"]
        if len(found[step.id]) == _PAGE:
            raise AssertionError(f"{step.id} has more than {_PAGE} events")
    return found


async def check_tasks(client: Client, steps: Sequence[Step], ledger: Ledger) -> None:
    """Every task is there and completed, by one run, with the result that was acknowledged."""
    if set(ledger.created) != {step.id for step in steps}:
        raise AssertionError("not all tasks were created")
    for step in steps:
        task = (await client.get(f"/api/tasks/{step.id}")).json()["task"]["summary"]
        if task["status"] != "completed":
            raise AssertionError(f"{step.id} is {task['status']}")
        runs = (await client.get(f"/api/tasks/{step.id}/runs")).json()["runs"]
        if [run["status"] for run in runs] != ["completed"]:
            raise AssertionError(f"{step.id} has runs {runs}")
    for run_id, result in ledger.completed.items():
        run = (await client.get(f"/api/task-runs/{run_id}")).json()["run"]["run"]
        if (run["status"], run.get("result")) != ("completed", result):
            raise AssertionError(f"{run_id} was completed with {result}, and is {run}")


def check_events(events_of: dict[str, list[Event]], ledger: Ledger) -> None:
    """Each task is completed once, and every acknowledged claim is in the log."""
    claims = check_claims(events_of)
    for task_id, events in events_of.items():
        completions = [e for e in events if e["event_type"] == "task.run_completed"]
        if len(completions) != 1:
            raise AssertionError(f"{task_id} was completed {len(completions)} times")
    missing = {(hold.run_id, hold.session_id) for hold in ledger.holds} - claims
    if missing:
        raise AssertionError(f"acknowledged claims are not in the log: {missing}")


def check_claims(events_of: dict[str, list[Event]]) -> set[tuple[str, str]]:
    """Numbers rise, and no run is claimed while it is held; each run with who has claimed it."""
    claims: set[tuple[str, str]] = set()
    for task_id, events in events_of.items():
        holder: str | None = None
        seqs = [event["sequence"] for event in events]
        if seqs != sorted(set(seqs)):
            raise AssertionError(f"the numbers of {task_id} do not rise: {seqs}")
        for event in events:
            if event["event_type"] in _STARTS:
                if holder is not None:
                    raise AssertionError(f"{task_id} is claimed twice: {event}")
                holder = event["actor"]["ref"]
                claims.add((event["run"]["id"], holder))
            elif event["event_type"] in _ENDS:
                holder = None
    return claims


def check_holds(holds: Sequence[Hold]) -> int:
    """No two agents surely held one run at the same time; how many runs had several holders."""
    by_run: dict[str, list[Hold]] = {}
    for hold in holds:
        by_run.setdefault(hold.run_id, []).append(hold)
    for held in by_run.values():
        held.sort(key=lambda hold: hold.claimed_s)
        for before, after in pairwise(held):
            # The claim was made before it was answered, so this is the least that must hold.
            if before.session_id != after.session_id and after.claimed_s < before.until_s:
                raise AssertionError(f"held by two at a time: {before} and {after}")
    return sum(len(held) > 1 for held in by_run.values())


def check_stream(seqs: Sequence[int], events_of: dict[str, list[Event]]) -> None:
    """Each number once, in order, and all that the timelines hold."""
    if list(seqs) != sorted(set(seqs)):
        repeated = [seq for before, seq in pairwise(seqs) if seq <= before]
        raise AssertionError(f"the stream repeated or reordered {repeated[:10]}")
    expected = {event["sequence"] for events in events_of.values() for event in events}
    if expected != set(seqs):
        missed = sorted(expected - set(seqs))
        extra = sorted(set(seqs) - expected)
        raise AssertionError(f"the stream missed {missed[:10]}, and made up {extra[:10]}")
