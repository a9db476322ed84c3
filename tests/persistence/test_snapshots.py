"""States come back equal; heads are what `slim` keeps."""

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
from chargehand.actors.ports import DamagedError, TaskHead
from chargehand.actors.record import AnyState, address_of
from chargehand.actors.registry.state import SessionState
from chargehand.actors.task.ended import facts_of, pack, unpack
from chargehand.actors.task.head import (
    Summary,
    blockers_of,
    created_at_ns,
    latest_event_seq,
    standing_of,
    stored_heads,
    stored_state,
    summary_and_rest,
    summary_of,
)
from chargehand.actors.task.slim import slim
from chargehand.actors.task.state import Json, Run, RunStatus, TaskState
from chargehand.persistence.snapshots import blockers_of as blockers_in
from chargehand.persistence.snapshots import (
    decode_head,
    decode_snapshot,
    decode_task_heads,
    encode_snapshot,
    slim_state,
)
from chargehand.persistence.snapshots import tasks as snapshot_tasks
from chargehand.persistence.snapshots.former import decode_former
from tests.persistence.former import encode_former, joined
from tests.persistence.whole_task import FORMER, STORED, WHOLE

quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("state_class", get_args(AnyState), ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_every_state_comes_back_whole_and_as_a_head(anything, state_class, data):
    state = data.draw(anything(state_class))
    assert whole_of(state) == state
    assert head_of(state) == (slim(state) if isinstance(state, TaskState) else state)


def whole_of(state: AnyState) -> AnyState:
    """What is read of what is written of a state."""
    return decode_snapshot(address_of(state).encode(), *encode_snapshot(state))


def head_of(state: AnyState) -> AnyState:
    """The same, of the head alone."""
    found = decode_head(address_of(state).encode(), memoryview(encode_snapshot(state).head))
    return slim_state(*found) if isinstance(found, TaskHead) else found


@quick
@given(data=st.data())
def test_what_a_start_has_to_know_of_a_task_is_read_from_the_beginning_of_its_head(anything, data):
    state = data.draw(anything(TaskState))
    found = decode_head(state.id.encode(), encode_snapshot(state).head)
    assert summary_of(found.head) == Summary(
        standing_of(state),
        state.latest_event_seq,
        state.last_seq,
        state.created_at_ns,
        state.last_activity_at_ns,
        state.workspace_id,
        state.parent_task_id,
    )
    assert standing_of(slim(state)) == standing_of(state)
    assert latest_event_seq(found.head) == state.latest_event_seq
    (stored,) = stored_heads([found])
    assert stored == (state.id, found.head, *stored_state(state)[2:])
    assert blockers_in(found.head) == blockers_of(state)
    assert created_at_ns(found.head) == state.created_at_ns


@quick
@given(data=st.data())
def test_of_many_rows_the_sound_heads_of_tasks_are_told_from_all_others(anything, data):
    tasks = [data.draw(anything(TaskState)) for _ in range(3)]
    session = data.draw(anything(SessionState))
    rows = [(address_of(s).encode(), encode_snapshot(s).head) for s in (*tasks, session)]
    key, value = rows[2]
    at, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))
    rows[2] = (key, value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :])
    rows.append((b"cut", data.draw(st.sampled_from([value[:cut] for cut in range(12)]))))
    heads, others = decode_task_heads(rows)
    assert heads == [decode_head(*row) for row in rows[:2]]
    assert others == rows[2:]


def run_of(status, number):
    origin = Origin(OriginKind.HTTP, "tasks.create")
    return Run(f"run-{number}", number, status, origin, 1, result=Json(b" 1"))


@pytest.mark.parametrize(
    "statuses", [(), *product(RunStatus, repeat=1), *product(RunStatus, repeat=2)]
)
def test_runs_keep_their_order_wherever_the_open_one_stands(model, statuses):
    runs = tuple(run_of(status, number) for number, status in enumerate(statuses))
    state = replace(model.new("t"), runs=runs)
    assert whole_of(state) == state
    assert head_of(state) == slim(state)
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
    head, body = encode_snapshot(WHOLE)
    rest = rest_text(head)
    summary = head[: -len(rest.encode())]
    assert f"{summary.hex()}\n{rest}\n{body.decode()}\n" == STORED.read_text()


def rest_text(head: bytes) -> str:
    """What stands behind the summary."""
    return bytes(summary_and_rest(head[9:])[1]).decode()


def test_what_the_bytes_are_of_has_every_field():
    for value, cls in ((WHOLE, TaskState), *((run, Run) for run in WHOLE.runs)):
        for field in attrs.fields(cls):
            is_blank = getattr(value, field.name) in (None, False, 0, "", (), b"")
            assert is_blank == (field.name == "ended"), field.name


def test_fields_without_a_value_of_their_own_are_read_as_their_defaults():
    head, body = encode_snapshot(WHOLE)
    rest = rest_text(head)
    fields = orjson.loads(rest)
    del fields[len(snapshot_tasks.HEAD) + 2 :]  # as an earlier version did not know them
    description, metadata, runs, _ = orjson.loads(body)
    del runs[0][-4:]
    body = orjson.dumps([description, metadata, runs])
    summary = head[9 : -len(rest.encode())]
    state = decode_snapshot(
        b"task-1", sealed(b"task-1", body, summary + orjson.dumps(fields)), body
    )
    assert (state.profile, state.triage, state.priority_seq) == (None, (), 0)
    assert (state.runs[0].queued_seq, state.runs[0].bound_at_ns) == (0, None)
    assert state.runs[0].claim_lease_seconds == WHOLE.runs[0].claim_lease_seconds
    assert state.last_seq == WHOLE.last_seq


def sealed(key: bytes, body: bytes, head: bytes) -> bytes:
    """The value of the head of a task with that body."""
    rest = crc32(body).to_bytes(4) + b"T" + head
    return crc32(rest, crc32(key)).to_bytes(4) + rest


def test_a_rare_field_is_kept_where_it_is_the_only_one(model):
    for name in snapshot_tasks.RARE:
        state = replace(model.new("t"), **{name: getattr(WHOLE, name)})
        assert whole_of(state) == state, name


def test_the_format_of_a_head_is_this(model):
    head, body = encode_snapshot(model.new("task-1"))
    assert head[8:9] == b"T"
    assert head[9:47].hex(" ") == (
        "00 08"  # open
        " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
        " 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 01 ff ff ff ff"
    )
    assert orjson.loads(head[47:]) == [
        "global", None, "Title", None, "medium", 0, False, "none", "not_required", None,
        ["human", "local-user"], ["http", "tasks.create"], 1, "ready", False, False, False, False,
        None, None, [], None, "",
    ]  # fmt: skip
    assert orjson.loads(body) == ["Description", None, []]


def test_a_task_whose_head_says_it_all_has_no_body(model):
    state = replace(model.new("task-1"), description=None)
    assert encode_snapshot(state).body is None
    assert whole_of(state) == state


def test_a_head_and_a_body_that_do_not_go_together_are_damage(model):
    state = model.new("task-1")
    former, later = (encode_snapshot(replace(state, description=text)) for text in "ab")
    for head, body in ((former.head, later.body), (former.head, None)):
        with pytest.raises(DamagedError, match="body"):
            decode_snapshot(b"task-1", head, body)
    bare = encode_snapshot(replace(state, description=None))
    with pytest.raises(DamagedError, match="body"):
        decode_snapshot(b"task-1", bare.head, later.body)


@quick
@given(st.data())
def test_any_flipped_bit_is_noticed(model, data):
    head, body = map(bytearray, encode_snapshot(model.new("task-1")))
    value = data.draw(st.sampled_from((head, body)))
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DamagedError):
        decode_snapshot(b"task-1", bytes(head), bytes(body))


def test_an_unknown_kind_of_state_is_refused():
    with pytest.raises((KeyError, AssertionError, AttributeError)):
        encode_snapshot("no state")


@quick
@given(data=st.data())
def test_a_snapshot_of_format_2_is_read(anything, data):
    state = data.draw(anything(TaskState))
    assert decode_former(encode_former(state)) == state


@quick
@given(data=st.data())
def test_a_snapshot_of_format_1_is_read(anything, data):
    """As it was before heads told of ended runs."""
    state = data.draw(anything(TaskState))
    assert decode_former(encode_former(state, ended=False)) == state


def test_these_bytes_of_format_2_are_read():
    head, body = FORMER.read_bytes().splitlines()
    assert decode_former(joined(head, body)) == WHOLE


def test_any_flipped_bit_of_a_former_snapshot_is_found(model):
    value = encode_former(model.new("task-1"))
    for bit in range(8 * len(value)):
        damaged = bytearray(value)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedError):
            decode_former(bytes(damaged))
