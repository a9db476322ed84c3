"""Snapshots: a state in a head that lists and a start need, and a body that only the actor needs.

A head:

    offset  size  field
         0     4  CRC-32 of the key and all that follows
         4     4  CRC-32 of the body; 0 if there is none
         8     1  `T` for a task, `S` for any other state
         9     …  the state

Of a task the state is a head as in `actors.task.head`, which is kept in memory as it stands here.
Behind its summary there is an array with what else `actors.task.slim` keeps: the fields of
`tasks.HEAD`, then the open run or null, then the facts of the ended runs (see `actors.task.ended`)
in hexadecimal digits, then the fields of `tasks.RARE`, unless all of these have their default. At
start-up a million heads are read, hence no names and no converter there.

The body of a task is `[description, metadata, runs]`, with null among the runs in the place of the
open one, followed by all reviews where there are any; there is none where the head says it all. A
run is an array of its fields.

The positions are those of the fields in their classes (see `positions`): a new field is a line at
the end of its class, with a default, and nothing here.

Any other state is small: `[class name, fields]`, without a body.

What earlier formats have written is read by `former` alone, as it is upgraded.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from struct import error as StructError
from typing import Any, Final, NamedTuple, final, get_args
from zlib import crc32

import orjson

from chargehand.actors.frozen import replace
from chargehand.actors.ports import DamagedError, TaskHead
from chargehand.actors.record import AnyState, address_of
from chargehand.actors.task.ended import pack
from chargehand.actors.task.head import summarized, summary_and_rest
from chargehand.actors.task.slim import slim
from chargehand.actors.task.state import TaskState
from chargehand.persistence.codec import TaggedUnion
from chargehand.persistence.snapshots.positions import RUN, plain
from chargehand.persistence.snapshots.shared import json
from chargehand.persistence.snapshots.tasks import (
    HEAD,
    RARE_DEFAULTS,
    head_of,
    rare_of,
    read_reviews,
    read_task,
)

_TASK: Final = b"T"
_SMALL: Final = b"S"
_CRC: Final = Struct(">I")
_BODY_CRC: Final = Struct(">4xI")
_KIND_IN_REST: Final = 4  # behind the first checksum
_DEPENDENCIES_AT: Final = HEAD.index("dependencies")  # in the array of a head

SMALL_STATES: Final[TaggedUnion[AnyState]] = TaggedUnion(
    tuple(cls for cls in get_args(AnyState) if cls is not TaskState)
)


@final
class Snapshot(NamedTuple):
    """The values for a state; `body` is None where the head says it all."""

    head: bytes
    body: bytes | None


def encode_snapshot(state: AnyState) -> Snapshot:
    """The values for a state. Returns copies of the exact size."""
    key = address_of(state).encode()
    if not isinstance(state, TaskState):
        small = orjson.dumps(SMALL_STATES.write(state))
        return Snapshot(_sealed(key, b"".join((b"\0\0\0\0", _SMALL, small))), None)
    open_run = state.open_run
    rare = rare_of(state)
    rest = _dumps(
        (
            *head_of(state),
            open_run,
            pack(state.runs).hex(),
            *(rare if rare != RARE_DEFAULTS else ()),
        )
    )
    body = None
    if slim(state) is not state:
        runs = [None if run is open_run else run for run in state.runs]
        reviews = (state.reviews,) if state.reviews else ()
        body = b"".join((_dumps((state.description, state.metadata, runs, *reviews)),))
    return task_snapshot(key, summarized(state) + rest, body)


def task_snapshot(key: bytes, head: bytes, body: bytes | None) -> Snapshot:
    """The values for a task. Args: head: without checksums, as in `actors.task.head`."""
    crc = 0 if body is None else crc32(body)
    return Snapshot(_sealed(key, b"".join((_CRC.pack(crc), _TASK, head))), body)


def decode_head(key: bytes, value: bytes | memoryview) -> TaskHead | AnyState:
    """The state in a head; of a task its head without the checksums.

    Raises:
        DamagedError: the value is damaged, that of another key, or of a kind that this version does
            not know.
    """
    try:
        rest = bytes(value[_CRC.size :])
        if crc32(rest, crc32(key)) != int.from_bytes(value[: _CRC.size]):
            raise DamagedError("the head of a snapshot fails its checksum")
        kind, held = rest[_KIND_IN_REST], rest[_KIND_IN_REST + 1 :]
        if kind == _TASK[0]:
            return TaskHead(key.decode(), held)
        if kind == _SMALL[0]:
            return SMALL_STATES.read(*orjson.loads(held))
    except (TypeError, ValueError, LookupError) as error:
        raise DamagedError(f"the head of a snapshot is unreadable: {error!r}") from error
    raise DamagedError(f"the head of a snapshot is of an unknown kind, {chr(kind)!r}")


def decode_task_heads(
    rows: Iterable[tuple[bytes, bytes]],
) -> tuple[list[tuple[str, bytes]], list[tuple[bytes, bytes]]]:
    """The same for many tasks at once, with least work for each; and the rows that hold anything
    else, sound or not."""
    heads: list[tuple[str, bytes]] = []
    others: list[tuple[bytes, bytes]] = []
    read_crc = _CRC.unpack_from
    for key, value in rows:
        rest = value[_CRC.size :]
        if rest[_KIND_IN_REST : _KIND_IN_REST + 1] == _TASK and read_crc(value)[0] == crc32(
            rest, crc32(key)
        ):
            heads.append((key.decode(), rest[_KIND_IN_REST + 1 :]))
        else:
            others.append((key, value))
    return heads, others


def blockers_of(head: bytes) -> list[str]:
    """The ids of those that the task of a head depends on."""
    _, rest = summary_and_rest(head)
    edges = orjson.loads(rest)[_DEPENDENCIES_AT]
    return [depends_on for depends_on, *_ in edges]


def slim_state(task_id: str, head: bytes) -> TaskState:
    """The slim state of a task, of its head without the checksums.

    Raises:
        DamagedError: it is none that this version knows.
    """
    try:
        known, rest = summary_and_rest(head)
        return read_task(
            task_id,
            known.workspace_id,
            known.parent_task_id,
            known.created_at_ns,
            known.last_activity_at_ns,
            known.latest_event_seq,
            known.last_seq,
            *orjson.loads(rest),
        )
    except (TypeError, ValueError, KeyError, StructError) as error:
        raise DamagedError(f"the head of a snapshot is unreadable: {error!r}") from error


def decode_snapshot(
    key: bytes, value: bytes | memoryview, body: bytes | memoryview | None
) -> AnyState:
    """The state in a head and its body, whole.

    Raises:
        DamagedError: a value is damaged, that of another key, or of a kind that this version does
            not know.
    """
    found = decode_head(key, value)
    (crc,) = _BODY_CRC.unpack_from(value)
    if (0 if body is None else crc32(body)) != crc:
        raise DamagedError("the body of a snapshot fails its checksum")
    if not isinstance(found, TaskHead):
        return found
    state = slim_state(*found)
    if body is None:
        return state
    try:
        return with_body(state, *orjson.loads(body))
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"the snapshot of {state.id} is unreadable: {error!r}") from error


def with_body(
    state: TaskState,
    description: str | None,
    metadata: str | None,
    runs: list[list[Any] | None],
    reviews: Sequence[dict[str, Any]] = (),
) -> TaskState:
    """A slim state made whole by what its body holds."""
    return replace(
        state,
        description=description,
        metadata=json(metadata),
        runs=tuple([state.runs[0] if run is None else RUN.read(*run) for run in runs]),
        reviews=read_reviews(reviews),
        ended=b"",
    )


def _sealed(key: bytes, rest: bytes) -> bytes:
    return _CRC.pack(crc32(rest, crc32(key))) + rest


def _dumps(value: tuple[object, ...]) -> bytes:
    return orjson.dumps(value, default=plain)
