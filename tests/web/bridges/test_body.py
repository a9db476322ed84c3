"""What a receiver reads: every member of the delivery event, and no secret."""

import orjson
import pytest

from chargehand.actors.bridges.message import Message, ReviewPart
from chargehand.actors.identity import LOCAL_USER
from chargehand.actors.task.events import (
    RunCompleted,
    RunFailed,
    RunForcedFail,
    StatusChanged,
    TaskCanceled,
)
from chargehand.actors.task.review import ReviewOutcome
from chargehand.actors.task.state import Json, RunStatus, Scope, TaskStatus
from chargehand.actors.task.subscription import Cursor, DeliveryMode, Subscription, Target
from chargehand.web.bridges.body import body_of, redacted


def message(event, status, target=None, workspace_id=None, review=None):
    subscription = Subscription(
        id="sub",
        bridge_id="ops",
        target=target or Target(DeliveryMode.DIRECT_SEND, peer_id="p"),
        created_by=LOCAL_USER,
        created_at_ns=1,
        updated_at_ns=1,
        cursor=Cursor(3),
        due=(7,),
    )
    scope = Scope.GLOBAL if workspace_id is None else Scope.WORKSPACE
    return Message(subscription, "task-1", scope, workspace_id, 7, event, status, review)


def read(*args, **kwargs):
    return orjson.loads(body_of(message(*args, **kwargs)))


def completed(result=b"1"):
    return RunCompleted("run-1", TaskStatus.COMPLETED, Json(result), "sha256:00")


def test_a_completion_as_a_whole():
    assert read(completed(b'{"artifact": "build-1"}'), TaskStatus.COMPLETED) == {
        "delivery_id": "notif:sub:7",
        "bridge_instance_id": "ops",
        "routing_key": {"scope": "global", "bridge_instance_id": "ops", "peer_id": "p"},
        "delivery_target": {"bridge_instance_id": "ops", "peer_id": "p", "mode": "direct-send"},
        "seq": 7,
        "event_type": "final",
        "content": {"text": "Task task-1 completed"},
        "final": True,
        "operation": "post",
        "provider_metadata": {
            "delivery_id": "notif:sub:7",
            "event_type": "task.run_completed",
            "final": True,
            "seq": 7,
            "task_id": "task-1",
            "run_id": "run-1",
            "status": "completed",
            "payload": {
                "status": "completed",
                "task_status": "completed",
                "result": {"artifact": "build-1"},
                "claim_token_hash": "[REDACTED]",
            },
            "subscription_id": "sub",
        },
    }


def test_the_target_and_the_place_of_the_task():
    target = Target(DeliveryMode.REPLY, "p", "t", "g")
    body = read(completed(), TaskStatus.COMPLETED, target, "ws_1")
    names = {"bridge_instance_id": "ops", "peer_id": "p", "thread_id": "t", "group_id": "g"}
    assert body["routing_key"] == {"scope": "workspace", "workspace_id": "ws_1", **names}
    assert body["delivery_target"] == {**names, "mode": "reply"}


@pytest.mark.parametrize(
    "event",
    [
        RunFailed("run-1", TaskStatus.FAILED, "the tests\nare  red"),
        RunForcedFail(
            "run-1", TaskStatus.FAILED, LOCAL_USER, RunStatus.QUEUED, "the tests are red"
        ),
    ],
)
def test_a_failure_shows_its_error_in_one_line_and_as_it_is(event):
    body = read(event, TaskStatus.FAILED)
    assert body["content"]["text"] == "Task task-1 failed: the tests are red"
    error = body["provider_metadata"]["error"]
    assert " ".join(error.split()) == "the tests are red"


def test_an_end_of_the_task_itself_names_no_run_and_no_error():
    told = read(TaskCanceled("enough"), TaskStatus.CANCELED)["provider_metadata"]
    assert told["event_type"] == "task.canceled"
    assert told["payload"] == {"reason": "enough", "status": "canceled"}
    assert not {"run_id", "error"} & told.keys()
    moved = StatusChanged(TaskStatus.READY, TaskStatus.FAILED, "task_updated")
    assert read(moved, TaskStatus.FAILED)["provider_metadata"]["status"] == "failed"


def test_a_long_error_is_cut_in_the_line_for_people_alone():
    body = read(RunFailed("run-1", TaskStatus.FAILED, "x" * 9000), TaskStatus.FAILED)
    assert len(body["content"]["text"]) == 500
    assert body["content"]["text"].endswith("x\N{HORIZONTAL ELLIPSIS}")
    assert len(body["provider_metadata"]["error"]) == 9000


def test_no_secret_is_reported():
    error = "401 for Authorization: Bearer abc.def, claimed with agh_claim_s3cr3t"
    event = RunFailed(
        "run-1", TaskStatus.FAILED, error, Json(b'{"note": "password=hunter2", "API-Key": 1}')
    )
    text = body_of(message(event, TaskStatus.FAILED)).decode()
    for secret in ("abc.def", "s3cr3t", "hunter2", '"API-Key":1'):
        assert secret not in text


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "claim_token_hash",
        "Api-Key",
        "ACCESS.TOKEN",
        "my_password",
        "client_secret",
        "x.Authorization",
    ],
)
def test_a_key_that_names_a_secret_has_its_value_hidden_at_any_depth(name):
    assert redacted([{"a": {name: {"b": 1}}}]) == [{"a": {name: "[REDACTED]"}}]


def test_what_is_no_secret_is_left_as_it_is():
    kept = {"a": [1, 2.5, None, True, "text"], "key": "k", "code": {"b": []}}
    assert redacted(kept) == kept


def test_what_no_client_may_send_is_not_passed_on():
    deep = b"[" * 900 + b"]" * 900
    assert "[REDACTED]" in body_of(message(completed(deep), TaskStatus.COMPLETED)).decode()


# --- reviews -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("review", "told", "text"),
    [
        (
            ReviewPart("r", True),
            {"review_id": "r", "open": True},
            "its review is open",
        ),
        (
            ReviewPart("r", False, ReviewOutcome.APPROVED, "as it\nshould be"),
            {"review_id": "r", "open": False, "outcome": "approved", "reason": "as it\nshould be"},
            "its review approved it: as it should be",
        ),
        (
            ReviewPart("r", False, ReviewOutcome.REJECTED, None, False, "run-2"),
            {
                "review_id": "r",
                "open": False,
                "outcome": "rejected",
                "continuation_run_id": "run-2",
            },
            "its review rejected it",
        ),
        (
            ReviewPart("r", False, ReviewOutcome.REJECTED, "round 3", True),
            {
                "review_id": "r",
                "open": False,
                "outcome": "rejected",
                "reason": "round 3",
                "circuit_opened": True,
            },
            "its review rejected it, and no run follows: round 3",
        ),
        (
            ReviewPart("r", False),
            {"review_id": "r", "open": False, "outcome": "canceled"},
            "its review was canceled",
        ),
    ],
)
def test_a_review_is_reported_besides_and_all_else_is_as_ever(review, told, text):
    with_it = read(completed(), TaskStatus.COMPLETED, review=review)
    without = read(completed(), TaskStatus.COMPLETED)
    assert with_it["provider_metadata"].pop("review") == told
    assert with_it.pop("content") == {"text": f"Task task-1 completed; {text}"}
    del without["content"]
    assert with_it == without


@pytest.mark.parametrize("outcome", ReviewOutcome)
def test_every_outcome_has_words_for_people(outcome):
    text = read(completed(), TaskStatus.COMPLETED, review=ReviewPart("r", False, outcome))
    assert text["content"]["text"].startswith("Task task-1 completed; its review ")


def test_no_secret_of_a_verdict_is_reported():
    review = ReviewPart("r", False, ReviewOutcome.REJECTED, "Authorization: Bearer abcdef123456")
    assert "abcdef123456" not in str(read(completed(), TaskStatus.COMPLETED, review=review))
