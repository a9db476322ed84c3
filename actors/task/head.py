"""The head of a task: all that is kept of one at rest, in few bytes, in memory as on disk.

    offset  size  field
         0     2  standing: the bits below
         2     8  latest_event_seq
        10     8  last_seq
        18     8  created_at_ns
        26     8  last_activity_at_ns
        34     2  bytes of the workspace's id; all bits for a global task
        36     2  bytes of the parent's id; all bits for none
        38     …  these two, then the other fields of the slim task, as the store writes them

What stands before the other fields is what a start has to know of each of a million tasks; it is
read without making a state of it. It is a part of the stored format.
"""

from collections.abc import Iterable, Iterator
from operator import itemgetter
from struct import Struct
from sys import intern
from typing import Final, NamedTuple, final

from chargehand.actors.task.state import TaskState, TaskStatus

# Bits of the standing. Plain numbers: an `IntFlag` takes a microsecond for what these do in none.
COMPLETED: Final = 1
DONE: Final = 2  # completed, and approved where that was required
CANCELED: Final = 4  # the task itself, not only its run
OPEN: Final = 8  # has not ended
PAUSED: Final = 16  # by a pause of its own
AUTO_ENQUEUE: Final = 32
DELETED: Final = 64
AWAITED: Final = 128  # has an open run or review, or a subscription: somebody acts on it in time
DEPENDENT: Final = 256  # has dependencies
TRIAGED: Final = 512

_NONE: Final = 0xFFFF
_FIXED: Final = Struct(">HqqqqHH")
_ASKED_OF_ALL: Final = Struct(">Hqq16xHH")
_LATEST_SEQ: Final = Struct(">2xq")
_CREATED_AT: Final = Struct(">18xq")

# A task that a start has found: its id, its head, then standing, workspace_id, parent_task_id,
# latest_event_seq and last_seq. A plain tuple of what is asked of each, as there are many.
AtRest = tuple[str, bytes, int, str | None, str | None, int, int]
# The same; of one that has records behind the checkpoint its whole state instead of the head.
Stored = tuple[str, bytes | TaskState, int, str | None, str | None, int, int]
id_of: Final = itemgetter(0)
held_of: Final = itemgetter(1)
standing_in: Final = itemgetter(2)
active_seq_of: Final = itemgetter(5)
last_seq_of: Final = itemgetter(6)


@final
class Summary(NamedTuple):
    """What stands at the beginning of a head."""

    standing: int
    latest_event_seq: int
    last_seq: int
    created_at_ns: int
    last_activity_at_ns: int
    workspace_id: str | None
    parent_task_id: str | None


def standing_of(state: TaskState) -> int:
    """The bits that are set for a task, slim or whole."""
    return (
        (COMPLETED if state.status is TaskStatus.COMPLETED else 0)
        | (DONE if state.is_done else 0)
        | (CANCELED if state.canceled else 0)
        | (0 if state.has_ended else OPEN)
        | (PAUSED if state.pause is not None else 0)
        | (AUTO_ENQUEUE if state.auto_enqueue_on_ready else 0)
        | (DELETED if state.deleted else 0)
        | (AWAITED if state.subscriptions or state.open_run or state.open_reviews else 0)
        | (DEPENDENT if state.dependencies else 0)
        | (TRIAGED if state.triage else 0)
    )


def summarized(state: TaskState) -> bytes:
    """The beginning of the head of a task."""
    workspace, parent = state.workspace_id, state.parent_task_id
    workspace_id = b"" if workspace is None else workspace.encode()
    parent_id = b"" if parent is None else parent.encode()
    fixed = _FIXED.pack(
        standing_of(state),
        state.latest_event_seq,
        state.last_seq,
        state.created_at_ns,
        state.last_activity_at_ns,
        _NONE if workspace is None else len(workspace_id),
        _NONE if parent is None else len(parent_id),
    )
    return b"".join((fixed, workspace_id, parent_id))


def summary_of(head: bytes) -> Summary:
    """Workspace and parent are one object each for all who have the same.

    Raises struct.error or UnicodeDecodeError: it is no head.
    """
    return summary_and_rest(head)[0]


def summary_and_rest(head: bytes) -> tuple[Summary, memoryview]:
    """The same, with what the store has written behind it."""
    standing, latest, last, created, active, workspace_bytes, parent_bytes = _FIXED.unpack_from(
        head
    )
    workspace_id = parent_id = None
    at = _FIXED.size
    if workspace_bytes != _NONE:
        workspace_id = intern(str(head[at : at + workspace_bytes], "utf-8"))
        at += workspace_bytes
    if parent_bytes != _NONE:
        parent_id = intern(str(head[at : at + parent_bytes], "utf-8"))
        at += parent_bytes
    summary = Summary(standing, latest, last, created, active, workspace_id, parent_id)
    return summary, memoryview(head)[at:]


def stored_heads(heads: Iterable[tuple[str, bytes]]) -> Iterator[AtRest]:
    """Of many tasks, given ids and heads: in a third of the time that `summary_of` takes for each.

    Raises struct.error or UnicodeDecodeError: one of them is no head.
    """
    unpack, begin = _ASKED_OF_ALL.unpack_from, _FIXED.size
    ids: dict[bytes, str] = {}
    for task_id, head in heads:
        standing, latest, last, workspace_bytes, parent_bytes = unpack(head)
        workspace_id = parent_id = None
        at = begin
        if workspace_bytes != _NONE:
            written = head[at : at + workspace_bytes]
            at += workspace_bytes
            workspace_id = ids.get(written)
            if workspace_id is None:
                workspace_id = ids[written] = intern(written.decode())
        if parent_bytes != _NONE:
            written = head[at : at + parent_bytes]
            parent_id = ids.get(written)
            if parent_id is None:
                parent_id = ids[written] = intern(written.decode())
        if last == latest:
            last = latest  # one object, of which a million count
        yield task_id, head, standing, workspace_id, parent_id, latest, last


def stored_state(state: TaskState) -> Stored:
    """The same, of a task that is whole."""
    return (
        state.id,
        state,
        standing_of(state),
        state.workspace_id,
        state.parent_task_id,
        state.latest_event_seq,
        state.last_seq,
    )


def blockers_of(state: TaskState) -> list[str]:
    """The ids of those that it depends on."""
    return [edge.depends_on_task_id for edge in state.dependencies]


def created_at_ns(head: bytes) -> int:
    at_ns: int
    (at_ns,) = _CREATED_AT.unpack_from(head)
    return at_ns


def created_ns_of(task: Stored) -> int:
    held = held_of(task)
    return created_at_ns(held) if isinstance(held, bytes) else held.created_at_ns


def latest_event_seq(head: bytes) -> int:
    seq: int
    (seq,) = _LATEST_SEQ.unpack_from(head)
    return seq
