"""Snapshots: a state as one value, in a head that lists need and a body that only the actor needs.

    offset  size  field
         0     4  bytes of the head
         4     4  CRC-32 of the head
         8     4  CRC-32 of the body
        12     …  head, body: two JSON texts

A task's head is an array that begins with `"t"` and holds, by position, what `slim` keeps: the
fields named in `_head_of`, then the open run or null, then those named in `_rare_of`, unless all
of these have their default. At start-up a million heads are read, hence
no names and no converter there. Its body is `[description, metadata, runs]`, with null among the
runs in the place of the open one. A run is an array of the fields named in `_run_of`. These orders
are the format: a new field goes to the end, with a default where it is read.

Any other state is small: its head is `[class name, fields]`, its body empty.
"""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from struct import error as StructError
from sys import intern
from typing import Any, Final, TypeVar, get_args
from zlib import crc32

import orjson
from attrs import evolve as replace

from actors.identity import Actor, ActorKind, Origin, OriginKind
from actors.ports import StorageError
from actors.record import AnyState
from actors.task.profile import ExecutionProfile
from actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Dependency,
    DependencyKind,
    FailureKind,
    Json,
    Owner,
    OwnerKind,
    Pause,
    Priority,
    Run,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
    Triage,
)
from persistence.codec import CONVERTER, TaggedUnion

E = TypeVar("E", bound=Enum)

ACTORS_CACHED: Final = 65_536  # distinct actors, origins and owners whose objects are shared

_TASK_TAG = "t"
_PARTS = Struct(">III")

_head_of = attrgetter(
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
_rare_of = attrgetter("profile", "triage")  # few tasks have them
_run_of = attrgetter(
    "id",
    "attempt",
    "status",
    "origin",
    "queued_at_ns",
    "previous_run_id",
    "failure_kind",
    "idempotency_key",
    "network_channel",
    "coordination_channel_id",
    "metadata",
    "required_capabilities",
    "preferred_capabilities",
    "claimed_by",
    "session_id",
    "claim_token_hash",
    "lease_until_ns",
    "heartbeat_at_ns",
    "lease_seconds",
    "claim_key",
    "claimed_at_ns",
    "started_at_ns",
    "ended_at_ns",
    "error",
    "result",
    "expiries",
    "lapsed_session_id",
    "closing_session_id",
    "closing_digest",
    "starved_at_ns",
)
_triage_of = attrgetter(
    "actor", "read", "archived", "dismissed", "last_seen_activity_at_ns", "updated_at_ns"
)

_small_states: TaggedUnion[AnyState] = TaggedUnion(
    tuple(cls for cls in get_args(AnyState) if cls is not TaskState)
)


def encode_snapshot(state: AnyState) -> bytes:
    """The value for a state. Returns a copy of the exact size."""
    if isinstance(state, TaskState):
        open_run = state.open_run
        rare = _rare_of(state)
        head = _dumps((_TASK_TAG, *_head_of(state), open_run, *(rare if any(rare) else ())))
        runs = [None if run is open_run else run for run in state.runs]
        body = _dumps((state.description, state.metadata, runs))
    else:
        head, body = orjson.dumps(_small_states.write(state)), b""
    return b"".join((_PARTS.pack(len(head), crc32(head), crc32(body)), head, body))


def decode_head(value: bytes | memoryview) -> AnyState:
    """The state in `value`, a task slim. Reads nothing behind the head.

    Raises:
        StorageError: the value is damaged, or of a kind that this version does not know.
    """
    try:
        head_bytes, head_crc, _ = _PARTS.unpack_from(value)
        head = memoryview(value)[_PARTS.size : _PARTS.size + head_bytes]
        if crc32(head) != head_crc:
            raise StorageError("the head of a snapshot fails its checksum")
        tag, *fields = orjson.loads(head)
        return _read_task(*fields) if tag == _TASK_TAG else _small_states.read(tag, *fields)
    except (TypeError, ValueError, KeyError, StructError) as error:
        raise StorageError(f"the head of a snapshot is unreadable: {error!r}") from error


def decode_snapshot(value: bytes | memoryview) -> AnyState:
    """The state in `value`, whole.

    Raises:
        StorageError: the value is damaged, or of a kind that this version does not know.
    """
    state = decode_head(value)
    head_bytes, _, body_crc = _PARTS.unpack_from(value)
    body = memoryview(value)[_PARTS.size + head_bytes :]
    if crc32(body) != body_crc:
        raise StorageError("the body of a snapshot fails its checksum")
    if not isinstance(state, TaskState):
        return state
    try:
        return _with_body(state, *orjson.loads(body))
    except (TypeError, ValueError, KeyError) as error:
        raise StorageError(f"the snapshot of {state.id} is unreadable: {error!r}") from error


def _with_body(
    state: TaskState, description: str | None, metadata: str | None, runs: list[list[Any] | None]
) -> TaskState:
    if description is None and metadata is None and len(runs) == len(state.runs):
        return state
    return replace(
        state,
        description=description,
        metadata=_json(metadata),
        runs=tuple([state.runs[0] if run is None else _read_run(*run) for run in runs]),
    )


def _dumps(value: tuple[object, ...]) -> bytes:
    return orjson.dumps(value, default=_plain)


def _plain(value: object) -> object:
    """What `orjson` shall write for the values it does not know."""
    match value:
        case bytes():
            return value.decode()
        case Actor() | Origin() | Owner():
            return (value.kind, value.ref)
        case Run():
            return _run_of(value)
        case ExecutionProfile():
            return CONVERTER.unstructure(value)
        case Triage():
            return _triage_of(value)
        case Dependency(depends_on_task_id=task_id, kind=kind, created_at_ns=at, completed=done):
            return (task_id, kind, at, done)
        case Pause(by=by, at_ns=at, reason=reason):
            return (by, at, reason)
        case _:
            raise TypeError(f"a snapshot cannot hold {type(value).__name__}")


def _by_value(enum: type[E]) -> dict[str, E]:
    return {str(member.value): member for member in enum}


_SCOPES = _by_value(Scope)
_TASK_STATUSES = _by_value(TaskStatus)
_RUN_STATUSES = _by_value(RunStatus)
_PRIORITIES = _by_value(Priority)
_POLICIES = _by_value(ApprovalPolicy)
_APPROVALS = _by_value(ApprovalState)


def _read_task(
    task_id: str,
    scope: str,
    workspace_id: str | None,
    parent_task_id: str | None,
    identifier: str | None,
    title: str,
    network_channel: str | None,
    priority: str,
    max_attempts: int,
    auto_enqueue_on_ready: bool,
    approval_policy: str,
    approval_state: str,
    owner: tuple[str, str] | None,
    created_by: tuple[str, str],
    origin: tuple[str, str],
    created_at_ns: int,
    updated_at_ns: int,
    last_activity_at_ns: int,
    status: str,
    draft: bool,
    canceled: bool,
    deleted: bool,
    auto_enqueue_due: bool,
    closed_at_ns: int | None,
    pause: tuple[tuple[str, str], int, str | None] | None,
    dependencies: list[tuple[str, str, int, bool]],
    latest_event_seq: int,
    last_seq: int,
    open_run: list[Any] | None,
    profile: dict[str, Any] | None = None,
    triage: Sequence[list[Any]] = (),
) -> TaskState:
    return TaskState(
        id=task_id,
        scope=_SCOPES[scope],
        workspace_id=_shared(workspace_id),
        parent_task_id=_shared(parent_task_id),
        identifier=identifier,
        title=title,
        description=None,
        network_channel=_shared(network_channel),
        priority=_PRIORITIES[priority],
        max_attempts=max_attempts,
        auto_enqueue_on_ready=auto_enqueue_on_ready,
        approval_policy=_POLICIES[approval_policy],
        approval_state=_APPROVALS[approval_state],
        owner=None if owner is None else _owner(*owner),
        metadata=None,
        created_by=_actor(*created_by),
        origin=_origin(*origin),
        created_at_ns=created_at_ns,
        updated_at_ns=updated_at_ns,
        last_activity_at_ns=last_activity_at_ns,
        status=_TASK_STATUSES[status],
        draft=draft,
        canceled=canceled,
        deleted=deleted,
        auto_enqueue_due=auto_enqueue_due,
        closed_at_ns=closed_at_ns,
        pause=None if pause is None else Pause(_actor(*pause[0]), pause[1], pause[2]),
        dependencies=tuple([_read_dependency(*edge) for edge in dependencies]),
        runs=() if open_run is None else (_read_run(*open_run),),
        latest_event_seq=latest_event_seq,
        last_seq=last_seq,
        profile=None if profile is None else CONVERTER.structure(profile, ExecutionProfile),
        triage=tuple([_read_triage(*item) for item in triage]),
    )


def _read_run(
    run_id: str,
    attempt: int,
    status: str,
    origin: tuple[str, str],
    queued_at_ns: int,
    previous_run_id: str | None,
    failure_kind: str | None,
    idempotency_key: str | None,
    network_channel: str | None,
    coordination_channel_id: str | None,
    metadata: str | None,
    required_capabilities: list[str],
    preferred_capabilities: list[str],
    claimed_by: tuple[str, str] | None,
    session_id: str | None,
    claim_token_hash: str | None,
    lease_until_ns: int | None,
    heartbeat_at_ns: int | None,
    lease_seconds: int | None,
    claim_key: str | None,
    claimed_at_ns: int | None,
    started_at_ns: int | None,
    ended_at_ns: int | None,
    error: str | None,
    result: str | None,
    expiries: int,
    lapsed_session_id: str | None,
    closing_session_id: str | None,
    closing_digest: str | None,
    starved_at_ns: int | None,
) -> Run:
    return Run(
        id=run_id,
        attempt=attempt,
        status=_RUN_STATUSES[status],
        origin=_origin(*origin),
        queued_at_ns=queued_at_ns,
        previous_run_id=previous_run_id,
        failure_kind=None if failure_kind is None else FailureKind(failure_kind),
        idempotency_key=idempotency_key,
        network_channel=_shared(network_channel),
        coordination_channel_id=_shared(coordination_channel_id),
        metadata=_json(metadata),
        required_capabilities=tuple(map(intern, required_capabilities)),
        preferred_capabilities=tuple(map(intern, preferred_capabilities)),
        claimed_by=None if claimed_by is None else _actor(*claimed_by),
        session_id=_shared(session_id),
        claim_token_hash=claim_token_hash,
        lease_until_ns=lease_until_ns,
        heartbeat_at_ns=heartbeat_at_ns,
        lease_seconds=lease_seconds,
        claim_key=claim_key,
        claimed_at_ns=claimed_at_ns,
        started_at_ns=started_at_ns,
        ended_at_ns=ended_at_ns,
        error=error,
        result=_json(result),
        expiries=expiries,
        lapsed_session_id=_shared(lapsed_session_id),
        closing_session_id=_shared(closing_session_id),
        closing_digest=closing_digest,
        starved_at_ns=starved_at_ns,
    )


def _read_triage(
    actor: tuple[str, str],
    read: bool,
    archived: bool,
    dismissed: bool,
    last_seen_activity_at_ns: int,
    updated_at_ns: int,
) -> Triage:
    return Triage(
        _actor(*actor), read, archived, dismissed, last_seen_activity_at_ns, updated_at_ns
    )


def _read_dependency(task_id: str, kind: str, created_at_ns: int, completed: bool) -> Dependency:
    return Dependency(intern(task_id), DependencyKind(kind), created_at_ns, completed)


@lru_cache(maxsize=ACTORS_CACHED)
def _actor(kind: str, ref: str) -> Actor:
    return Actor(ActorKind(kind), ref)


@lru_cache(maxsize=ACTORS_CACHED)
def _origin(kind: str, ref: str) -> Origin:
    return Origin(OriginKind(kind), ref)


@lru_cache(maxsize=ACTORS_CACHED)
def _owner(kind: str, ref: str) -> Owner:
    return Owner(OwnerKind(kind), ref)


def _shared(text: str | None) -> str | None:
    """One object for all tasks that name the same thing."""
    return None if text is None else intern(text)


def _json(text: str | None) -> Json | None:
    return None if text is None else Json(text.encode())
