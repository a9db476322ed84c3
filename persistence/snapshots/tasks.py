"""The head of a task: by position the fields named in `head_of`, the open run, the facts of the
ended runs, then `rare_of`."""

from collections.abc import Sequence
from operator import attrgetter
from sys import intern
from typing import Any, Final

from chargehand.actors.task.profile import ExecutionProfile
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Dependency,
    DependencyKind,
    Pause,
    Priority,
    Scope,
    TaskState,
    TaskStatus,
    Triage,
)
from chargehand.actors.task.subscription import Subscription
from chargehand.persistence.codec import CONVERTER
from chargehand.persistence.snapshots.runs import read_run
from chargehand.persistence.snapshots.shared import (
    by_value,
    interned,
    shared_actor,
    shared_origin,
    shared_owner,
)

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
OPEN_RUN_AT: Final = len(_HEAD)

head_of = attrgetter(*_HEAD)
rare_of = attrgetter(  # few tasks have them
    "profile",
    "triage",
    "open_reviews",
    "subscriptions",
    "lost_blockers",
    "unapproved_run_id",
    "priority_seq",
)
triage_of = attrgetter(
    "actor",
    "read",
    "archived",
    "dismissed",
    "last_seen_activity_at_ns",
    "updated_at_ns",
    "last_seen_seq",
)

_SCOPES = by_value(Scope)
_TASK_STATUSES = by_value(TaskStatus)
_PRIORITIES = by_value(Priority)
_POLICIES = by_value(ApprovalPolicy)
_APPROVALS = by_value(ApprovalState)


def read_task(
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
    ended: str,
    profile: dict[str, Any] | None = None,
    triage: Sequence[list[Any]] = (),
    open_reviews: Sequence[dict[str, Any]] = (),
    subscriptions: Sequence[dict[str, Any]] = (),
    lost_blockers: Sequence[str] = (),
    unapproved_run_id: str | None = None,
    priority_seq: int = 0,
) -> TaskState:
    return TaskState(
        id=task_id,
        scope=_SCOPES[scope],
        workspace_id=interned(workspace_id),
        parent_task_id=interned(parent_task_id),
        identifier=identifier,
        title=title,
        description=None,
        network_channel=interned(network_channel),
        priority=_PRIORITIES[priority],
        max_attempts=max_attempts,
        auto_enqueue_on_ready=auto_enqueue_on_ready,
        approval_policy=_POLICIES[approval_policy],
        approval_state=_APPROVALS[approval_state],
        owner=None if owner is None else shared_owner(*owner),
        metadata=None,
        created_by=shared_actor(*created_by),
        origin=shared_origin(*origin),
        created_at_ns=created_at_ns,
        updated_at_ns=updated_at_ns,
        last_activity_at_ns=last_activity_at_ns,
        status=_TASK_STATUSES[status],
        draft=draft,
        canceled=canceled,
        deleted=deleted,
        auto_enqueue_due=auto_enqueue_due,
        closed_at_ns=closed_at_ns,
        pause=None if pause is None else Pause(shared_actor(*pause[0]), pause[1], pause[2]),
        dependencies=tuple([_read_dependency(*edge) for edge in dependencies]),
        runs=() if open_run is None else (read_run(*open_run),),
        latest_event_seq=latest_event_seq,
        last_seq=last_seq,
        profile=None if profile is None else CONVERTER.structure(profile, ExecutionProfile),
        triage=tuple([_read_triage(*item) for item in triage]),
        reviews=read_reviews(open_reviews),
        subscriptions=tuple([CONVERTER.structure(one, Subscription) for one in subscriptions]),
        lost_blockers=tuple(lost_blockers),
        unapproved_run_id=unapproved_run_id,
        priority_seq=priority_seq,
        ended=bytes.fromhex(ended),
    )


def read_reviews(reviews: Sequence[dict[str, Any]]) -> tuple[Review, ...]:
    return tuple([CONVERTER.structure(review, Review) for review in reviews])


def _read_triage(
    actor: tuple[str, str],
    read: bool,
    archived: bool,
    dismissed: bool,
    last_seen_activity_at_ns: int,
    updated_at_ns: int,
    last_seen_seq: int = 0,
) -> Triage:
    return Triage(
        shared_actor(*actor),
        read,
        archived,
        dismissed,
        last_seen_activity_at_ns,
        updated_at_ns,
        last_seen_seq,
    )


def _read_dependency(task_id: str, kind: str, created_at_ns: int, done: bool) -> Dependency:
    return Dependency(intern(task_id), DependencyKind(kind), created_at_ns, done)
