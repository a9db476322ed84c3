"""Every event, effect and state class comes back equal from its bytes."""

from typing import get_args

import orjson
import pytest
from attrs import evolve as replace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargehand.actors.idempotency.once import Done, Once
from chargehand.actors.identity import Actor, ActorKind, Caller, Origin, OriginKind
from chargehand.actors.ports import StorageError
from chargehand.actors.record import AnyEvent, Cause, OutstandingEffect, Record
from chargehand.actors.task.effects import BlockerReopened, Effect
from chargehand.actors.task.events import RunCompleted, StatusChanged, TaskEvent
from chargehand.actors.task.state import Json, TaskStatus
from chargehand.persistence.codec import (
    decode_outstanding,
    decode_record,
    encode_outstanding,
    encode_record,
)
from chargehand.persistence.framing import encode_frame, frames

CALLER = Caller(Actor(ActorKind.AGENT_SESSION, "sess-1"), Origin(OriginKind.UDS, "agent.complete"))
COMPLETED = RunCompleted("run-1", TaskStatus.COMPLETED, Json(b'{ "n": 1.0 }'))
RECORD = Record(7, "00ff", 9, "task-1", CALLER, (COMPLETED,))

quick = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


def again(record):
    (frame,) = frames(encode_record(record))
    return decode_record(frame)


@pytest.mark.parametrize("event_class", get_args(AnyEvent), ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_every_event_comes_back(anything, event_class, data):
    record = replace(RECORD, events=(data.draw(anything(event_class)),))
    assert again(record) == record


@quick
@given(data=st.data())
def test_every_record_comes_back(anything, data):
    record = data.draw(anything(Record))
    record = replace(record, seq=3, address="task-1", events=record.events or (COMPLETED,))
    assert again(record) == record


def test_every_event_class_of_a_task_can_be_written():
    assert set(leaves(TaskEvent)) <= set(get_args(AnyEvent))


def leaves(cls):
    """The classes below `cls` that have none below them."""
    below = cls.__subclasses__()
    return [leaf for sub in below for leaf in leaves(sub)] if below else [cls]


def test_tags_are_unique():
    names = [cls.__name__ for cls in get_args(AnyEvent)]
    assert len(set(names)) == len(names)


@quick
@given(data=st.data())
def test_every_outstanding_effect_comes_back(anything, data):
    effect = data.draw(anything(OutstandingEffect))
    assert decode_outstanding(encode_outstanding(effect)) == effect


def test_the_format_of_a_body_is_this():
    record = replace(
        RECORD,
        events=(COMPLETED, StatusChanged(TaskStatus.READY, TaskStatus.COMPLETED, "run_completed")),
        effects=(Effect("task-2", BlockerReopened("task-1")),),
        cause=Cause(5, 0),
    )
    (frame,) = frames(encode_record(record))
    completed = {"run_id": "run-1", "task_status": "completed", "result": '{ "n": 1.0 }'}
    changed = {"previous_status": "ready", "status": "completed", "reason": "run_completed"}
    assert orjson.loads(frame.body) == [
        "00ff",
        9,
        ["agent_session", "sess-1", "uds", "agent.complete"],
        [["RunCompleted", completed], ["StatusChanged", changed]],
        [["task-2", "BlockerReopened", {"blocker_id": "task-1"}]],
        [5, 0],
    ]


def test_a_record_without_effects_ends_with_its_events():
    (frame,) = frames(encode_record(RECORD))
    assert len(orjson.loads(frame.body)) == 4


def test_bytes_are_of_the_exact_size():
    frame = encode_record(RECORD)
    assert frame.__sizeof__() == len(frame) + b"".__sizeof__()


@pytest.mark.parametrize(
    "broken",
    [
        replace(RECORD, at_ns=2**70),
        replace(RECORD, id="\ud800"),
        replace(RECORD, address="a\0b"),
        replace(RECORD, events=(replace(COMPLETED, result=Json(b"\xff")),)),
        replace(RECORD, events=(CALLER,)),
    ],
)
def test_what_json_cannot_hold_is_refused(broken):
    with pytest.raises(StorageError):
        encode_record(broken)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'["00ff",9,["human","h","http","x"],[["NoSuchEvent",{}]]]',
        b'["00ff",9,["nobody","h","http","x"],[["TaskDeleted",{}]]]',
        b'["00ff",9,["human","h","http","x"],[["StatusChanged",{}]]]',
    ],
)
def test_a_body_that_nobody_knows_is_named_by_its_number(body):
    (frame,) = frames(encode_frame(42, 1, b"task-1", body))
    with pytest.raises(StorageError, match="number 42 is unreadable"):
        decode_record(frame)


def test_an_outstanding_effect_that_nobody_knows_is_refused():
    with pytest.raises(StorageError):
        decode_outstanding(b"[1,2]")


def test_a_record_without_a_key_is_written_as_before_there_were_any():
    (frame,) = frames(encode_record(replace(RECORD, done=None)))
    assert len(orjson.loads(frame.body)) == 4


def test_what_was_done_under_a_key_stands_behind_effects_and_cause():
    done = Done(Once("k", "r", "whole", "all"), run_id="run-1")
    record = replace(RECORD, done=done)
    (frame,) = frames(encode_record(record))
    assert orjson.loads(frame.body)[4:6] == [[], None]
    assert again(record) == record
    assert again(record).done == done
