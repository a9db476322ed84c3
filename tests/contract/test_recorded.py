"""Our answers are like those of the original, in the like situation."""

import json
from typing import Final

import pytest
import trio.testing

from chargehand.web.operations import Operation
from tests.contract.likeness import Difference, Kind, Likeness
from tests.contract.recorded import good_answers, streamed_events
from tests.contract.situations import SITUATIONS, befall
from tests.contract.town import Town
from tests.web.client import CONTRACT, open_stream

_SURROUNDINGS: Final = "a session here is whoever calls: no process, sandbox or ancestry is known"
_NO_MADE_UP_KEY: Final = "a run that was enqueued without a key shows none"
_STATUS_CHANGES: Final = "a status that moves is told by an event of its own"
_KNOWN_SESSION: Final = "the session of a run is looked up, the original knew its id alone"
_OWN_ERRORS: Final = "errors are told in words of our own, and all of them have a diagnostic"
_OWN_HASH: Final = "each claim has a hash of its own"
_NO_PAST: Final = "a subscription begins at the present number, so it never tells the past"
_OWN_EVENTS: Final = "the original tells no events of tasks here, though it means to"
_NO_TIME_PASSES: Final = "nothing takes time in this test"

_THE_WORK: Final = "a claim carries the task, so that nobody need ask for it again"
_NO_ROUTER: Final = "nobody is sent to a review, so it waits until anybody judges it"
_LINEAGE: Final = "a run that continues another tells so"
_GUIDED: Final = "a run that continues another carries what the reviewer asked for"

_WHO_HOLDS: Final = "who has a drain wait in vain sees what it waits for"
_OVER_A_SOCKET: Final = "the original was asked over its Unix socket"

SHOWN_REVIEWS: Final = (  # as they are before somebody has judged
    (Operation.GET_REVIEW, "review"),
    (Operation.LIST_RUN_REVIEWS, "reviews[]"),
    (Operation.LIST_TASK_REVIEWS, "reviews[]"),
    (Operation.REQUEST_REVIEW, "review"),
)

# What is rightly not like the original, and why.
EXCEPTIONS: Final[dict[tuple[Operation, Kind, str], str]] = {
    (Operation.CLAIM_NEXT, Kind.LEFT_OUT, "claim.run.idempotency_key"): _NO_MADE_UP_KEY,
    (Operation.CLAIM_RUN, Kind.ADDED, "task"): _THE_WORK,
    (Operation.DRAIN_SCHEDULER, Kind.ADDED, "remaining_runs"): _WHO_HOLDS,
    (Operation.PUBLISH_TASK, Kind.LEFT_OUT, "run.idempotency_key"): _NO_MADE_UP_KEY,
    (Operation.START_TASK, Kind.LEFT_OUT, "run.idempotency_key"): _NO_MADE_UP_KEY,
    (Operation.APPROVE_TASK, Kind.LEFT_OUT, "run.idempotency_key"): _NO_MADE_UP_KEY,
    (Operation.FAIL_RUN, Kind.LEFT_OUT, "run.idempotency_key"): _NO_MADE_UP_KEY,
    (Operation.CANCEL_RUN, Kind.LEFT_OUT, "run.idempotency_key"): _NO_MADE_UP_KEY,
    (Operation.RETRY_RUN, Kind.LEFT_OUT, "previous_run.idempotency_key"): _NO_MADE_UP_KEY,
    (Operation.ADD_DEPENDENCY, Kind.ADDED, "task.events[task.status_changed]"): _STATUS_CHANGES,
    (Operation.REMOVE_DEPENDENCY, Kind.ADDED, "task.events[task.status_changed]"): _STATUS_CHANGES,
    (Operation.GET_TIMELINE, Kind.ADDED, "timeline[task.status_changed]"): _STATUS_CHANGES,
    (Operation.GET_RUN, Kind.ADDED, "run.session.agent_name"): _KNOWN_SESSION,
    (Operation.GET_RUN, Kind.ADDED, "run.session.channel"): _KNOWN_SESSION,
    (Operation.GET_RUN, Kind.ADDED, "run.session.state"): _KNOWN_SESSION,
    (Operation.GET_RUN, Kind.ADDED, "run.session.workspace_id"): _KNOWN_SESSION,
    **{
        (Operation.BULK_RELEASE, kind, f"results[].error.{path}"): _OWN_ERRORS
        for kind, path in (
            (Kind.CHANGED, "error"),
            (Kind.ADDED, "diagnostic"),
            (Kind.CHANGED, "diagnostic.title"),
            (Kind.CHANGED, "diagnostic.message"),
            (Kind.LEFT_OUT, "diagnostic.doc_url"),
            (Kind.CHANGED, "diagnostic.suggested_command"),
        )
    },
    **{
        (operation, Kind.CHANGED, f"inspect.{runs}.claim_token_hash_truncated"): _OWN_HASH
        for operation in (Operation.INSPECT_TASK, Operation.INSPECT_RUN)
        for runs in ("current_run", "recent_runs[]")
    },
    (Operation.INSPECT_TASK, Kind.ADDED, "inspect.recent_events"): _OWN_EVENTS,
    (Operation.INSPECT_RUN, Kind.ADDED, "inspect.recent_events"): _OWN_EVENTS,
    (Operation.INSPECT_TASK, Kind.CHANGED, "inspect.bound_session.provider_name"): _SURROUNDINGS,
    (Operation.INSPECT_RUN, Kind.CHANGED, "inspect.bound_session.provider_name"): _SURROUNDINGS,
    **{
        (Operation.GET_DASHBOARD, Kind.CHANGED, f"dashboard.{path}"): _NO_TIME_PASSES
        for path in (
            "cards.latency.claim_latency_ms.average_ms",
            "cards.latency.claim_latency_ms.maximum_ms",
            "cards.latency.start_latency_ms.average_ms",
            "cards.latency.start_latency_ms.maximum_ms",
            "freshness.age_ms",
        )
    },
    (Operation.CREATE_SESSION, Kind.CHANGED, "session.provider"): _SURROUNDINGS,
    (Operation.CREATE_SESSION, Kind.LEFT_OUT, "session.badge"): _SURROUNDINGS,
    (Operation.CREATE_SESSION, Kind.LEFT_OUT, "session.attachable"): _SURROUNDINGS,
    (Operation.CREATE_SESSION, Kind.LEFT_OUT, "session.acp_session_id"): _SURROUNDINGS,
    (Operation.CREATE_SESSION, Kind.LEFT_OUT, "session.acp_caps"): _SURROUNDINGS,
    (Operation.CREATE_SESSION, Kind.LEFT_OUT, "session.sandbox"): _SURROUNDINGS,
    (Operation.CREATE_SESSION, Kind.LEFT_OUT, "session.lineage"): _SURROUNDINGS,
    (Operation.CREATE_SESSION, Kind.LEFT_OUT, "session.channel"): (
        "a session that names no channel has none, and sees every run of its scope"
    ),
    (Operation.RESOLVE_WORKSPACE, Kind.LEFT_OUT, "workspace.add_dirs"): (
        "no files are read here, so a workspace is a single directory"
    ),
    **{
        (operation, Kind.LEFT_OUT, f"{path}.reviewer_{name}"): _NO_ROUTER
        for operation, path in (*SHOWN_REVIEWS, (Operation.SUBMIT_VERDICT, "review"))
        for name in ("session_id", "agent_name", "peer_id", "channel_id")
    },
    **{(op, Kind.CHANGED, f"{path}.status"): _NO_ROUTER for op, path in SHOWN_REVIEWS},
    (Operation.SUBMIT_VERDICT, Kind.CHANGED, "continuation_run.origin.kind"): _OVER_A_SOCKET,
    (Operation.SUBMIT_VERDICT, Kind.ADDED, "continuation_run.previous_run_id"): _LINEAGE,
    **{
        (Operation.SUBMIT_VERDICT, Kind.ADDED, f"continuation_run.metadata.{name}"): _GUIDED
        for name in ("continuation_reason", "missing_work", "next_round_guidance", "review_round")
    },
    (Operation.SUBMIT_VERDICT, Kind.CHANGED, "continuation_run.attempt"): (
        "the task of the original had runs before that nothing is known of"
    ),
    (Operation.CREATE_SUBSCRIPTION, Kind.CHANGED, "subscription.cursor.last_sequence"): _NO_PAST,
    (Operation.GET_SUBSCRIPTION, Kind.CHANGED, "subscription.cursor.last_sequence"): _NO_PAST,
    (Operation.STREAM_TASK, Kind.ADDED, "[task.status_changed]"): _STATUS_CHANGES,
}


def excepted(operation: Operation, status: int = 200) -> set[Difference]:
    if (operation, status) == (Operation.REQUEST_REVIEW, 201):
        return set()  # nobody had been sent to it yet
    return {Difference(kind, path) for known, kind, path in EXCEPTIONS if known is operation}


@pytest.mark.parametrize("recorded", good_answers(), ids=str)
async def test_an_answer_is_like_the_recorded_one(client, recorded, autojump_clock):
    town = Town(client)
    await town.settle()
    await SITUATIONS[recorded.operation](town, recorded)
    answered = await town.send(
        recorded.operation.method, recorded.path, recorded.body, **recorded.headers
    )
    assert answered.status == recorded.status, answered.body
    if recorded.answer is None:
        assert answered.body == b""
        return
    found = set(Likeness(town.names).differences(recorded.answer, answered.json))
    assert found == excepted(recorded.operation, recorded.status)


async def test_a_stream_is_like_the_recorded_one(client, nursery):
    frames = streamed_events()
    events = [json.loads(frame["data"])["timeline"] for frame in frames]
    town = Town(client)
    await town.settle(events[0]["task"]["workspace_id"])
    parent, child, _, *later = events
    await town.create(parent["task"])
    path = f"/api/tasks/{parent['task']['id']}/stream?after_sequence=0"
    stream, _ = await open_stream(nursery, client.app, path)
    assert stream.status == 200
    await town.create({**child["task"], "parent_task_id": parent["task"]["id"]})
    await trio.testing.wait_all_tasks_blocked()
    for event in later:
        await befall(town, event, event["task"])
        await trio.testing.wait_all_tasks_blocked()
    for frame in stream.events:
        assert set(frame) == set(frames[0])
    ours = [json.loads(frame["data"]) for frame in stream.events]
    told = [{**data["timeline"], "event_type": data["type"]} for data in ours]
    found = set(Likeness(town.names).differences(events, told))
    assert found == excepted(Operation.STREAM_TASK)
    nursery.cancel_scope.cancel()


def test_every_operation_of_the_contract_was_recorded_and_is_compared():
    recorded = {recorded.operation for recorded in good_answers()}
    assert set(SITUATIONS) == recorded
    of_the_contract = {
        operation
        for operation in Operation
        if CONTRACT.operation(operation.method, operation.path) is not None
    }
    assert len(of_the_contract) == 62
    assert of_the_contract - recorded == {Operation.STREAM_TASK}
