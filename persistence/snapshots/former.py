"""Snapshots as formats 1 and 2 have written them: head and body in one value.

    offset  size  field
         0     4  bytes of the head
         4     4  CRC-32 of the head
         8     4  CRC-32 of the body
        12     …  head, body: two JSON texts

The head of a task begins with `"u"`; one that begins with `"t"` was written before the ended runs
stood in it. The positions are those of then, so they are listed here and do not change.
"""

from struct import Struct
from struct import error as StructError
from typing import Any, Final
from zlib import crc32

import orjson

from chargehand.actors.ports import DamagedError
from chargehand.actors.record import AnyState
from chargehand.actors.task.state import TaskState
from chargehand.persistence.snapshots import SMALL_STATES, with_body
from chargehand.persistence.snapshots.positions import Positions
from chargehand.persistence.snapshots.tasks import open_run_only

_TASK: Final = "u"
_TASK_BEFORE: Final = "t"
_PARTS: Final = Struct(">III")
_HEAD: Final = (
    "id",
    "scope",
    "workspace_id",
    "parent_task_id",
    "identifier",
    "title",
    "network_channel",
    "priority",
    "max_attempts",
    "auto_enqueue_on_ready",
    "approval_policy",
    "approval_state",
    "owner",
    "created_by",
    "origin",
    "created_at_ns",
    "updated_at_ns",
    "last_activity_at_ns",
    "status",
    "draft",
    "canceled",
    "deleted",
    "auto_enqueue_due",
    "closed_at_ns",
    "pause",
    "dependencies",
    "latest_event_seq",
    "last_seq",
)
_RARE: Final = (
    "profile",
    "triage",
    "reviews",
    "subscriptions",
    "lost_blockers",
    "unapproved_run_id",
    "priority_seq",
)
_read_task: Final = Positions(
    TaskState,
    (*_HEAD, "runs", "ended", *_RARE),
    {"runs": open_run_only, "ended": bytes.fromhex},
).read


def decode_former(value: bytes | memoryview) -> AnyState:
    """The state in `value`, whole.

    Raises:
        DamagedError: the value is damaged, or of a kind that this version does not know.
    """
    view = memoryview(value)
    try:
        head_bytes, head_crc, body_crc = _PARTS.unpack_from(view)
        head = view[_PARTS.size : _PARTS.size + head_bytes]
        body = view[_PARTS.size + head_bytes :]
        if crc32(head) != head_crc:
            raise DamagedError("the head of a snapshot fails its checksum")
        if crc32(body) != body_crc:
            raise DamagedError("the body of a snapshot fails its checksum")
        tag, *fields = orjson.loads(head)
        return _read(tag, fields, body)
    except (TypeError, ValueError, LookupError, StructError) as error:
        raise DamagedError(f"a snapshot is unreadable: {error!r}") from error


def _read(tag: str, fields: list[Any], body: memoryview) -> AnyState:
    if tag not in (_TASK, _TASK_BEFORE):
        return SMALL_STATES.read(tag, *fields)
    if tag == _TASK_BEFORE:
        fields.insert(len(_HEAD) + 1, "")
    state = _read_task(*fields)
    description, metadata, runs, *reviews = orjson.loads(body)
    is_slim = (
        description is None
        and metadata is None
        and len(runs) == len(state.runs)
        and len(reviews[0] if reviews else ()) == len(state.reviews)
    )
    return state if is_slim else with_body(state, description, metadata, runs, *reviews)
