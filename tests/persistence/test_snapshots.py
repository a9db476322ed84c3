"""States come back equal; heads are what `slim` keeps."""

import struct
from itertools import product
from typing import get_args
from zlib import crc32

import attrs
import orjson
import pytest
from attrs import evolve as replace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargehand.actors.identity import Origin, OriginKind
from chargehand.actors.ports import StorageError
from chargehand.actors.record import AnyState
from chargehand.actors.task.ended import facts_of, pack, unpack
from chargehand.actors.task.slim import slim
from chargehand.actors.task.state import Json, Run, RunStatus, TaskState
from chargehand.persistence.snapshots import decode_head, decode_snapshot, encode_snapshot
from chargehand.persistence.snapshots import tasks as snapshot_tasks
from tests.persistence.whole_task import STORED, WHOLE

quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("state_class", get_args(AnyState), ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_every_state_comes_back_whole_and_as_a_head(anything, state_class, data):
    state = data.draw(anything(state_class))
    value = encode_snapshot(state)
    assert decode_snapshot(value) == state
    head = decode_head(memoryview(value))
    assert head == (slim(state) if isinstance(state, TaskState) else state)


def run_of(status, number):
    origin = Origin(OriginKind.HTTP, "tasks.create")
    return Run(f"run-{number}", number, status, origin, 1, result=Json(b" 1"))


@pytest.mark.parametrize(
    "statuses", [(), *product(RunStatus, repeat=1), *product(RunStatus, repeat=2)]
)
def test_runs_keep_their_order_wherever_the_open_one_stands(model, statuses):
    runs = tuple(run_of(status, number) for number, status in enumerate(statuses))
    state = replace(model.new("t"), runs=runs)
    value = encode_snapshot(state)
    assert decode_snapshot(value) == state
    assert decode_head(value) == slim(state)
    assert slim(state).open_run == state.open_run


def test_slim_keeps_only_the_open_run_and_returns_a_slim_state_itself(model):
    ended, opened = run_of(RunStatus.FAILED, 1), run_of(RunStatus.QUEUED, 2)
    state = replace(model.new("t"), metadata=Json(b"{}"), runs=(ended, opened))
    small = slim(state)
    facts = pack(state.runs)
    assert small == replace(state, description=None, metadata=None, runs=(opened,), ended=facts)
    assert unpack(facts) == [facts_of(ended)]
    assert slim(small) is small


def test_the_bytes_of_a_task_are_these():
    head, body = parts_of(encode_snapshot(WHOLE))
    assert f"{head.decode()}\n{body.decode()}\n" == STORED.read_text()


def test_what_the_bytes_are_of_has_every_field():
    for value, cls in ((WHOLE, TaskState), *((run, Run) for run in WHOLE.runs)):
        for field in attrs.fields(cls):
            is_blank = getattr(value, field.name) in (None, False, 0, "", (), b"")
            assert is_blank == (field.name == "ended"), field.name


def test_fields_without_a_value_of_their_own_are_read_as_their_defaults():
    head, body = parts_of(encode_snapshot(WHOLE))
    tag, *fields = orjson.loads(head)
    del fields[snapshot_tasks.OPEN_RUN_AT + 2 :]  # as an earlier version did not know them
    description, metadata, runs, _ = orjson.loads(body)
    del runs[0][-4:]
    state = decode_snapshot(
        whole(orjson.dumps([tag, *fields]), orjson.dumps([description, metadata, runs]))
    )
    assert (state.profile, state.triage, state.priority_seq) == (None, (), 0)
    assert (state.runs[0].queued_seq, state.runs[0].bound_at_ns) == (0, None)
    assert state.runs[0].claim_lease_seconds == WHOLE.runs[0].claim_lease_seconds
    assert state.last_seq == WHOLE.last_seq


def test_a_rare_field_is_kept_where_it_is_the_only_one(model):
    for name in snapshot_tasks.RARE:
        state = replace(model.new("t"), **{name: getattr(WHOLE, name)})
        assert decode_snapshot(encode_snapshot(state)) == state, name


def parts_of(value: bytes) -> tuple[bytes, bytes]:
    end = 12 + int.from_bytes(value[:4])
    return value[12:end], value[end:]


def whole(head: bytes, body: bytes) -> bytes:
    return struct.pack(">III", len(head), crc32(head), crc32(body)) + head + body


def test_the_format_of_a_head_is_this(model):
    value = encode_snapshot(model.new("task-1"))
    head_bytes = int.from_bytes(value[:4])
    assert orjson.loads(value[12 : 12 + head_bytes]) == [
        "u", "task-1", "global", None, None, None, "Title", None, "medium", 0, False, "none",
        "not_required", None, ["human", "local-user"], ["http", "tasks.create"], 1, 1, 1, "ready",
        False, False, False, False, None, None, [], 0, 0, None, "",
    ]  # fmt: skip
    assert orjson.loads(value[12 + head_bytes :]) == ["Description", None, []]


@quick
@given(data=st.data())
def test_a_head_of_the_former_format_is_read_with_its_body(anything, data):
    state = data.draw(anything(TaskState))
    value = former(encode_snapshot(state))
    assert decode_snapshot(value) == state
    assert decode_head(memoryview(value)) == slim(state)


def former(value: bytes) -> bytes:
    """The same snapshot as it was before heads told of ended runs."""
    head, body = parts_of(value)
    tag, *fields = orjson.loads(head)
    assert tag == "u"
    del fields[snapshot_tasks.OPEN_RUN_AT + 1]
    return whole(orjson.dumps(["t", *fields]), body)


@quick
@given(st.data())
def test_any_flipped_bit_is_noticed(model, data):
    damaged = bytearray(encode_snapshot(model.new("task-1")))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StorageError):
        decode_snapshot(bytes(damaged))


def test_an_unknown_kind_of_state_is_refused(model):
    with pytest.raises(KeyError):
        encode_snapshot("no state")


def test_a_head_is_read_without_its_body(model):
    value = encode_snapshot(model.new("task-1"))
    assert decode_head(value[: value.index(b'["Description"')]).id == "task-1"
