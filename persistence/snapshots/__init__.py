"""Snapshots: a state as one value, in a head that lists need and a body that only the actor needs.

    offset  size  field
         0     4  bytes of the head
         4     4  CRC-32 of the head
         8     4  CRC-32 of the body
        12     …  head, body: two JSON texts

A task's head is an array that begins with `"u"` and holds, by position, what `actors.task.slim`
keeps: the fields of `tasks.HEAD`, then the open run or null, then the facts of the ended runs (see
`actors.task.ended`) in hexadecimal digits, then the fields of `tasks.RARE`, unless all of these
have their default. At start-up a million heads are read, hence no names and no converter there.
Its body is `[description, metadata, runs]`, with null among the runs in the place of the open one,
followed by all reviews where there are any. A run is an array of its fields. A head that begins
with `"t"` was written before the ended runs stood in it, and is read with the body.

The positions are those of the fields in their classes (see `positions`): a new field is a line at
the end of its class, with a default, and nothing here.

Any other state is small: its head is `[class name, fields]`, its body empty.
"""

from collections.abc import Sequence
from struct import Struct
from struct import error as StructError
from typing import Any, get_args
from zlib import crc32

import orjson

from chargehand.actors.frozen import replace
from chargehand.actors.ports import DamagedError
from chargehand.actors.record import AnyState
from chargehand.actors.task.ended import pack
from chargehand.actors.task.slim import slim
from chargehand.actors.task.state import TaskState
from chargehand.persistence.codec import TaggedUnion
from chargehand.persistence.snapshots.positions import RUN, plain
from chargehand.persistence.snapshots.shared import json
from chargehand.persistence.snapshots.tasks import (
    OPEN_RUN_AT,
    RARE_DEFAULTS,
    head_of,
    rare_of,
    read_reviews,
    read_task,
)

_TASK_TAG = "u"
_FORMER_TASK_TAG = "t"  # without the ended runs
_PARTS = Struct(">III")

_small_states: TaggedUnion[AnyState] = TaggedUnion(
    tuple(cls for cls in get_args(AnyState) if cls is not TaskState)
)


def encode_snapshot(state: AnyState) -> bytes:
    """The value for a state. Returns a copy of the exact size."""
    if isinstance(state, TaskState):
        open_run = state.open_run
        rare = rare_of(state)
        ended = pack(state.runs).hex()
        head = _dumps(
            (_TASK_TAG, *head_of(state), open_run, ended, *(rare if rare != RARE_DEFAULTS else ()))
        )
        runs = [None if run is open_run else run for run in state.runs]
        reviews = (state.reviews,) if state.reviews else ()
        body = _dumps((state.description, state.metadata, runs, *reviews))
    else:
        head, body = orjson.dumps(_small_states.write(state)), b""
    return b"".join((_PARTS.pack(len(head), crc32(head), crc32(body)), head, body))


def decode_head(value: bytes | memoryview) -> AnyState:
    """The state in `value`, a task slim. Reads nothing behind the head, but of a former format.

    Raises:
        DamagedError: the value is damaged, or of a kind that this version does not know.
    """
    tag, fields = _head(value)
    if tag == _FORMER_TASK_TAG:
        state = decode_snapshot(value)
        return slim(state) if isinstance(state, TaskState) else state
    return _read(tag, fields)


def decode_snapshot(value: bytes | memoryview) -> AnyState:
    """The state in `value`, whole.

    Raises:
        DamagedError: the value is damaged, or of a kind that this version does not know.
    """
    state = _read(*_head(value))
    head_bytes, _, body_crc = _PARTS.unpack_from(value)
    body = memoryview(value)[_PARTS.size + head_bytes :]
    if crc32(body) != body_crc:
        raise DamagedError("the body of a snapshot fails its checksum")
    if not isinstance(state, TaskState):
        return state
    try:
        return _with_body(state, *orjson.loads(body))
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"the snapshot of {state.id} is unreadable: {error!r}") from error


def _head(value: bytes | memoryview) -> tuple[str, list[Any]]:
    """Its tag, and what it holds."""
    try:
        head_bytes, head_crc, _ = _PARTS.unpack_from(value)
        head = memoryview(value)[_PARTS.size : _PARTS.size + head_bytes]
        if crc32(head) != head_crc:
            raise DamagedError("the head of a snapshot fails its checksum")
        tag, *fields = orjson.loads(head)
    except (TypeError, ValueError, StructError) as error:
        raise DamagedError(f"the head of a snapshot is unreadable: {error!r}") from error
    return tag, fields


def _read(tag: str, fields: list[Any]) -> AnyState:
    try:
        if tag == _TASK_TAG:
            return read_task(*fields)
        if tag == _FORMER_TASK_TAG:
            fields.insert(OPEN_RUN_AT + 1, "")
            return read_task(*fields)
        return _small_states.read(tag, *fields)
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"the head of a snapshot is unreadable: {error!r}") from error


def _with_body(
    state: TaskState,
    description: str | None,
    metadata: str | None,
    runs: list[list[Any] | None],
    reviews: Sequence[dict[str, Any]] = (),
) -> TaskState:
    if (
        description is None
        and metadata is None
        and len(runs) == len(state.runs)
        and len(reviews) == len(state.reviews)
    ):
        return state
    return replace(
        state,
        description=description,
        metadata=json(metadata),
        runs=tuple([state.runs[0] if run is None else RUN.read(*run) for run in runs]),
        reviews=read_reviews(reviews),
        ended=b"",
    )


def _dumps(value: tuple[object, ...]) -> bytes:
    return orjson.dumps(value, default=plain)
