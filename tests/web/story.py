"""A story in which every operation is used once, told to be read: the examples of the description.

`python -m tests.web.story` writes them anew, with what the server answers now.
"""

import json
import re
from pathlib import Path
from typing import Any, Final, final

import trio
import trio.testing
from attrs import define, field

from chargehand.actors.bridges.bridge import Bridge, Gone
from chargehand.actors.bridges.message import Message
from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.task.state import Scope
from chargehand.persistence.opening import memory_journal
from chargehand.web.app import create_app
from chargehand.web.openapi.examples import FILE
from chargehand.web.operations import Operation as Op
from tests.web.client import ContractClient, open_stream

START_NS: Final = 1_790_000_000_250_000_000
STEP_S: Final = 1.5  # between two requests
TEAM: Final = {
    "subscription_id": "team-1",
    "bridge_instance_id": "ops",
    "delivery_mode": "direct-send",
    "peer_id": "release-team",
}
AGENT: Final = {"X-AGH-Session-ID": "sess-1", "X-AGH-Agent": "builder"}

_HASH: Final = re.compile(r'(sha256:)[0-9a-f]{64}|("claim_token_hash_truncated": ")[0-9a-f]{8}')


@final
@define
class CountingIds:
    """Ids that are the same each time."""

    count: int = 0

    def suffix(self, now_ns: int) -> str:
        self.count += 1
        return f"{now_ns // 1_000_000:012x}{self.count:012x}"


@final
@define
class Teller:
    """Does one step after the other; of each operation the first one is kept."""

    client: ContractClient
    examples: dict[str, dict[str, Any]] = field(factory=dict)

    async def do(
        self, operation: Op, body: Any = None, *, by: dict[str, str] | None = None, **ids: str
    ) -> Any:
        """What a good answer holds. `ids` are those of the path, `query` what comes behind it."""
        await trio.sleep(STEP_S)
        query = ids.pop("query", "")
        target = operation.path.format(**ids) + query
        sent = b"" if body is None else body
        answered = await self.client.send(operation.method, target, sent, by)
        assert answered.status < 300, f"{operation.name}: {answered.body!r}"
        answer = answered.json if answered.body else None
        self.keep(operation, body, answer)
        return answer

    def keep(self, operation: Op, body: Any, answer: Any) -> None:
        told = {"request": body, "answer": answer}
        kept = {name: value for name, value in told.items() if value is not None}
        self.examples.setdefault(operation.name, kept)

    async def claimed(self, **request: Any) -> str:
        """The run that the agent claims."""
        answer = await self.do(Op.CLAIM_NEXT, request, by=AGENT)
        run_id: str = answer["claim"]["run"]["id"]
        return run_id


async def tell(client: ContractClient, nursery: trio.Nursery) -> dict[str, dict[str, Any]]:
    """The whole story; what it leaves are the examples by operation."""
    teller = Teller(client)
    await _settle(teller)
    await _hand_in(teller)
    await _work(teller, nursery)
    await _operate(teller)
    await _force(teller)
    await _tell_others(teller)
    await _do_many(teller)
    await _tidy_up(teller)
    await _leave(teller)
    return json.loads(_HASH.sub(_same_hash, json.dumps(teller.examples)))


def _same_hash(found: re.Match[str]) -> str:
    return f"{found[1]}{'5e' * 32}" if found[1] else f"{found[2]}{'5e' * 4}"


async def _settle(teller: Teller) -> None:
    """A workspace and its agent."""
    made = await teller.do(Op.CREATE_WORKSPACE, {"root_dir": "/srv/shop", "name": "shop"})
    workspace_id = made["workspace"]["id"]
    await teller.do(Op.RESOLVE_WORKSPACE, {"path": "/srv/shop"})
    await teller.do(Op.LIST_WORKSPACES)
    await teller.do(Op.GET_WORKSPACE, id=workspace_id)
    session = {"id": "sess-1", "agent_name": "builder", "workspace": "shop"}
    await teller.do(Op.CREATE_SESSION, {**session, "capabilities": ["docker", "go"]})
    await teller.do(Op.LIST_SESSIONS)
    await teller.do(Op.GET_SESSION, id="sess-1")
    await teller.do(Op.GET_WORKSPACE_SESSION, id=workspace_id, session_id="sess-1")


async def _hand_in(teller: Teller) -> None:
    """A release with its notes, and an announcement that waits for it and for a person."""
    placed = {"scope": "workspace", "workspace": "shop"}
    release = {
        "id": "release",
        **placed,
        "title": "Release 2.1",
        "priority": "high",
        "metadata": {"ticket": "SHOP-7"},
    }
    await teller.do(Op.CREATE_TASK, release)
    notes = {"id": "notes", **placed, "title": "Write the release notes", "draft": True}
    await teller.do(Op.CREATE_CHILD, notes, id="release")
    gated = {**placed, "approval_policy": "manual"}
    announcement = {"id": "announcement", **gated, "title": "Announce it"}
    await teller.do(Op.CREATE_TASK, announcement)
    waits = {"depends_on_task_id": "release", "kind": "blocks"}
    await teller.do(Op.ADD_DEPENDENCY, waits, id="announcement")
    await teller.do(Op.APPROVE_TASK, {"idempotency_key": "approval-1"}, id="announcement")
    await teller.do(Op.CREATE_TASK, {"id": "fireworks", **gated, "title": "Fireworks"})
    await teller.do(Op.REJECT_TASK, id="fireworks")
    change = {"description": "All of it, with the new checkout.", "max_attempts": 5}
    await teller.do(Op.UPDATE_TASK, change, id="release")
    worker = {"mode": "select", "agent_name": "builder", "required_capabilities": ["go"]}
    await teller.do(Op.SET_PROFILE, {"worker": worker}, id="release")
    await teller.do(Op.GET_PROFILE, id="release")
    await teller.do(Op.LIST_TASKS, query="?scope=workspace&workspace=shop&limit=2")
    await teller.do(Op.GET_TREE, id="release")


async def _work(teller: Teller, nursery: trio.Nursery) -> None:
    """The agent does the release, and has trouble with the notes."""
    await teller.do(Op.START_TASK, {"idempotency_key": "release-1"}, id="release")
    await teller.do(Op.GET_BACKLOG)
    run_id = await teller.claimed(lease_seconds=60, wait=True, idempotency_key="call-1")
    await teller.do(Op.AGENT_HEARTBEAT, {"lease_seconds": 60}, by=AGENT, run_id=run_id)
    await teller.do(Op.GET_SCHEDULER)
    await teller.do(Op.INSPECT_TASK, id="release")
    await teller.do(Op.INSPECT_RUN, id=run_id)
    result = {"result": {"artifact": "shop-2.1.tar.gz"}}
    await teller.do(Op.AGENT_COMPLETE, result, by=AGENT, run_id=run_id)
    await teller.do(Op.GET_TASK, id="release")
    await teller.do(Op.GET_RUN, id=run_id)
    await teller.do(Op.LIST_RUNS, id="release")
    await teller.do(Op.LIST_DEPENDENTS, id="release")
    await teller.do(Op.LIST_ALL_RUNS, query="?status=completed,failed&limit=2")
    await teller.do(Op.GET_TIMELINE, id="release", query="?limit=2")
    path = Op.STREAM_TASK.path.format(id="release")
    stream, scope = await open_stream(nursery, teller.client.app, path)
    event, *_ = await stream.wait_events(1)
    scope.cancel()
    teller.keep(Op.STREAM_TASK, None, json.loads(event["data"]))
    path = f"{Op.STREAM.path}?after_sequence=0"
    stream, scope = await open_stream(nursery, teller.client.app, path)
    event, *_ = await stream.wait_events(1)
    scope.cancel()
    teller.keep(Op.STREAM, None, json.loads(event["data"]))
    await _review(teller, run_id)
    await teller.do(Op.PUBLISH_TASK, {"idempotency_key": "notes-1"}, id="notes")
    run_id = await teller.claimed(lease_seconds=60)  # of the announcement, which is older
    await teller.do(Op.AGENT_RELEASE, {"reason": "out of context"}, by=AGENT, run_id=run_id)
    run_id = await teller.claimed(lease_seconds=60)
    failure = {"error": "the mail server is down", "metadata": {"code": 451}}
    await teller.do(Op.AGENT_FAIL, failure, by=AGENT, run_id=run_id)
    await teller.do(Op.RETRY_RUN, {"metadata": {"ticket": "OPS-12"}}, id=run_id)


async def _tell_others(teller: Teller) -> None:
    """A team wants to hear of the notes."""
    await teller.do(Op.CREATE_SUBSCRIPTION, TEAM, id="notes")
    names = {"id": "notes", "subscription_id": TEAM["subscription_id"]}
    await teller.do(Op.LIST_SUBSCRIPTIONS, id="notes")
    await teller.do(Op.GET_SUBSCRIPTION, **names)
    await teller.do(Op.DELETE_SUBSCRIPTION, **names)


async def _review(teller: Teller, run_id: str) -> None:
    """A person looks at the release."""
    asked = {"policy": "on_success", "reason": "look at the checkout", "run_id": run_id}
    made = await teller.do(Op.REQUEST_REVIEW, asked, id=run_id)
    review_id = made["review"]["review_id"]
    await teller.do(Op.GET_REVIEW, id=review_id)
    await teller.do(Op.LIST_ALL_REVIEWS, query="?status=requested")
    verdict = {
        "outcome": "approved",
        "confidence": 0.9,
        "reason": "it works on small screens too",
        "delivery_id": "verdict-1",
    }
    await teller.do(Op.SUBMIT_VERDICT, {"run_id": run_id, "verdict": verdict}, id=review_id)
    await teller.do(Op.LIST_RUN_REVIEWS, id=run_id)
    await teller.do(Op.LIST_TASK_REVIEWS, id="release")


async def _run_of(teller: Teller, task_id: str) -> str:
    """A new run, or the one that is open."""
    answer = await teller.do(Op.START_TASK, {}, id=task_id)
    run_id: str = answer["run"]["id"]
    return run_id


async def _do_many(teller: Teller) -> None:
    """The agent asks for as much as it may have, which is one run."""
    placed = {"scope": "workspace", "workspace": "shop"}
    for name in ("mails", "labels"):
        await teller.do(Op.CREATE_TASK, {"id": name, **placed, "title": f"Send the {name}"})
        await teller.do(Op.START_TASK, {}, id=name)
    run_id = await _claimed_of_many(teller)
    of_many = {"run_id": run_id}
    items = {"items": [{**of_many, "lease_seconds": 60}]}
    await teller.do(Op.HEARTBEAT_BATCH, items, by=AGENT)
    items = {"items": [{**of_many, "reason": "out of context"}]}
    await teller.do(Op.RELEASE_BATCH, items, by=AGENT)
    items = {"items": [{"run_id": await _claimed_of_many(teller), "result": {"sent": 12}}]}
    await teller.do(Op.COMPLETE_BATCH, items, by=AGENT)
    failure = {"error": "the printer is out of paper", "metadata": {"code": 7}}
    items = {"items": [{"run_id": await _claimed_of_many(teller), **failure}]}
    await teller.do(Op.FAIL_BATCH, items, by=AGENT)
    build = {"ref": "build", **placed, "title": "Build 2.2", "parent_ref": "release"}
    waits = [{"ref": "build"}, {"task_id": "release", "kind": "blocks"}]
    deploy = {"title": "Deploy 2.2", "parent_ref": "release", "depends_on": waits}
    release = {"ref": "release", "id": "release-2.2", **placed, "title": "Release 2.2"}
    deploy = {**placed, **deploy, "auto_enqueue_on_ready": True}
    items = {"items": [release, {**build, "enqueue": True}, deploy]}
    await teller.do(Op.CREATE_BATCH, {**items, "atomic": True})


async def _claimed_of_many(teller: Teller) -> str:
    request = {"max_runs": 10, "lease_seconds": 60, "wait": True}
    answer = await teller.do(Op.CLAIM_BATCH, request, by=AGENT)
    run_id: str = answer["claims"][0]["run"]["id"]
    return run_id


async def _operate(teller: Teller) -> None:
    """An operator does the announcement, and holds things for a while."""
    run_id = await _run_of(teller, "announcement")
    await teller.do(Op.CLAIM_RUN, {}, id=run_id)
    await teller.do(Op.START_RUN, {}, id=run_id)
    await teller.do(Op.COMPLETE_RUN, {"result": {"sent": 1200}}, id=run_id)
    await teller.do(Op.ENQUEUE_RUN, {"metadata": {"language": "de"}}, id="announcement")
    run_id = await _run_of(teller, "announcement")
    await teller.do(Op.CLAIM_RUN, {}, id=run_id)
    await teller.do(Op.FORCE_RELEASE, {"reason": "wrong window"}, id=run_id)
    await teller.do(Op.CLAIM_RUN, {}, id=run_id)
    await teller.do(Op.ATTACH_SESSION, {"session_id": "sess-1"}, id=run_id)
    await teller.do(Op.START_RUN, {}, id=run_id)
    await teller.do(Op.FAIL_RUN, {"error": "no translation"}, id=run_id)
    await teller.do(Op.PAUSE_TASK, {"reason": "legal has a question"}, id="notes")
    await teller.do(Op.RESUME_TASK, {}, id="notes")
    await teller.do(Op.PAUSE_SCHEDULER, {"reason": "maintenance"})
    await teller.do(Op.RESUME_SCHEDULER, {"reason": "done"})
    await teller.do(Op.DRAIN_SCHEDULER, {"reason": "deployment", "timeout_seconds": 30})
    await teller.do(Op.RESUME_SCHEDULER)
    for operation in (Op.MARK_TASK_READ, Op.ARCHIVE_TASK, Op.DISMISS_TASK):
        await teller.do(operation, id="release")


async def _force(teller: Teller) -> None:
    """Runs that went wrong are brought to an end."""
    run_id = await teller.claimed(lease_seconds=1)
    await trio.sleep(2)  # the lease runs out, which parks the run
    recovered = await teller.do(Op.RECOVER_RUN, {"reason": "the agent is back"}, id=run_id)
    run_id = recovered["run"]["id"]
    await teller.do(Op.CANCEL_RUN, {"reason": "not needed"}, id=run_id)
    run_id = await _run_of(teller, "release")
    many = {"run_ids": [run_id], "reason": "the host has died"}
    await teller.claimed(lease_seconds=60)
    await teller.do(Op.BULK_RELEASE, many)
    await teller.do(Op.BULK_FAIL, many)
    run_id = await _run_of(teller, "release")
    await teller.do(Op.FORCE_FAIL, {"reason": "superseded"}, id=run_id)


async def _tidy_up(teller: Teller) -> None:
    """An operator does to many what is done to one. There is one of each, as what is done at once
    has no order."""
    named = {"ids": ["survey-a"]}
    survey = {"scope": "global", "approval_policy": "manual"}
    for task_id in (*named["ids"], "survey-b"):
        await teller.do(Op.CREATE_TASK, {"id": task_id, **survey, "title": "Ask a customer"})
    await teller.do(Op.BULK_PAUSE_TASKS, {**named, "reason": "the questions are not ready"})
    await teller.do(Op.BULK_RESUME_TASKS, named)
    await teller.do(Op.BULK_APPROVE_TASKS, named)
    queued = {"status": "queued", "task_id": "survey-a"}
    await teller.do(Op.BULK_CANCEL_RUNS, {"filter": queued, "reason": "too early"})
    canceled = {"status": "canceled", "task_id": "survey-a"}
    await teller.do(Op.BULK_RETRY_RUNS, {"filter": canceled})
    surveys = {"filter": {"query": "survey"}, "reason": "asked by phone"}
    await teller.do(Op.BULK_CANCEL_TASKS, {**surveys, "limit": 1})
    await teller.do(Op.BULK_ARCHIVE_TASKS, named)


async def _miss(teller: Teller) -> None:
    """A receiver that wanted no more of a survey has second thoughts."""
    placed = {"scope": "workspace", "workspace": "shop"}
    await teller.do(Op.CREATE_TASK, {"id": "survey", **placed, "title": "Ask the customers"})
    office = {**TEAM, "subscription_id": "office-1", "bridge_instance_id": "office"}
    await teller.do(Op.CREATE_SUBSCRIPTION, office, id="survey")
    await teller.do(Op.CANCEL_TASK, id="survey")
    missed = await teller.do(Op.LIST_UNDELIVERED, id="survey")
    await teller.do(Op.CREATE_SUBSCRIPTION, office, id="survey")
    again = {"delivery_id": missed["messages"][0]["delivery_id"]}
    await teller.do(Op.RESEND_UNDELIVERED, again, id="survey")


async def _leave(teller: Teller) -> None:
    await teller.do(Op.GET_DASHBOARD, query="?scope=workspace&workspace=shop")
    await teller.do(Op.GET_HISTORY, query="?minutes=2")
    await teller.do(Op.GET_INBOX)
    await teller.do(Op.REMOVE_DEPENDENCY, id="announcement", depends_on_id="release")
    await teller.do(Op.DELETE_PROFILE, id="release")
    await teller.do(Op.CANCEL_TASK, {"reason": "the release is off"}, id="release")
    await teller.do(Op.DELETE_TASK, id="fireworks")
    await teller.do(Op.END_SESSION, id="sess-1")
    await _miss(teller)
    await teller.do(Op.LIVENESS)
    await teller.do(Op.READINESS)


async def _take(message: Message) -> None:
    """Where the bridge leads, all is well."""


async def _decline(message: Message) -> None:
    raise Gone("answered 410 Gone")


async def examples() -> dict[str, dict[str, Any]]:
    """Needs a clock that jumps."""
    journal, settings = memory_journal(), Settings(lease_expiries_max=1)
    ops = Bridge("ops", Scope.WORKSPACE, "shop", _take)
    office = Bridge("office", Scope.WORKSPACE, "shop", _decline)
    bridges = [ops, office]
    async with (
        run_system(
            journal, settings, ids=CountingIds(), wall_ns=START_NS, bridges=bridges
        ) as system,
        trio.open_nursery() as nursery,
    ):
        told = await tell(ContractClient(create_app(system, OriginKind.HTTP)), nursery)
        nursery.cancel_scope.cancel()
    return told


if __name__ == "__main__":
    written = trio.run(examples, clock=trio.testing.MockClock(autojump_threshold=0))
    Path(FILE).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
