"""Tasks: whole, in short, in detail, and as a tree."""

from collections.abc import Iterable
from typing import Final, final

import orjson
from attrs import define, field

from chargehand.actors.answers import Answer
from chargehand.actors.task import state
from chargehand.actors.task.details import Details, details_last, take_details
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    DependencyKind,
    Priority,
    Scope,
    TaskState,
    TaskStatus,
)
from chargehand.web.shapes.encoding import Encoded, Shape, fragment, optional_time, rfc3339
from chargehand.web.shapes.events import TaskEvent
from chargehand.web.shapes.principals import Actor, Origin, actor_of, origin_of
from chargehand.web.shapes.references import Lookup, TaskReference, pausing_task, reference_of
from chargehand.web.shapes.rows import KeptRows, stands_alone
from chargehand.web.shapes.runs import Run, RunSummary, run_of, run_summary_of


@define(eq=False, field_transformer=details_last)
class TaskFields(Shape, Details):
    """What a task shows in every answer of its own."""

    id: str
    scope: Scope
    title: str
    priority: Priority
    max_attempts: int
    status: TaskStatus
    approval_policy: ApprovalPolicy
    approval_state: ApprovalState
    latest_event_seq: int
    created_by: Actor
    origin: Origin
    created_at: str
    updated_at: str
    identifier: str | None = None
    workspace_id: str | None = None
    parent_task_id: str | None = None
    draft: bool = False
    auto_enqueue_on_ready: bool = False
    current_run_id: str | None = None
    paused: bool = False
    paused_by: str | None = None
    paused_at: str | None = None
    paused_reason: str | None = None
    effective_paused: bool = False
    paused_by_task_id: str | None = None
    closed_at: str | None = None


@final
@define(eq=False, field_transformer=details_last)
class Task(TaskFields):
    description: str | None = None
    metadata: orjson.Fragment | None = None


@final
@define(eq=False)
class Dependency(Shape):
    task_id: str
    depends_on_task_id: str
    kind: DependencyKind
    created_at: str


@final
@define(eq=False)
class DependencyReference(Shape):
    task_id: str
    depends_on_task_id: str
    kind: DependencyKind
    created_at: str
    depends_on: TaskReference


@final
@define(eq=False, field_transformer=details_last)
class TaskSummary(TaskFields):
    child_count: int = 0
    dependency_count: int = 0
    dependencies: list[DependencyReference] = field(factory=list)
    active_run: RunSummary | None = None
    last_activity_at: str | None = None


@final
@define(eq=False)
class TaskDetail(Shape):
    summary: TaskSummary
    task: Task
    children: list[TaskSummary] = field(factory=list)
    dependencies: list[Dependency] = field(factory=list)
    dependency_references: list[DependencyReference] = field(factory=list)
    runs: list[Run] = field(factory=list)
    events: list[TaskEvent] = field(factory=list)


@final
@define(eq=False)
class TaskResponse(Shape):
    task: Task


@final
@define(eq=False)
class TaskRunResponse(Shape):
    task: Task
    run: Run


@final
@define(eq=False)
class TasksResponse(Shape):
    tasks: list[TaskSummary | Encoded]


@final
@define(eq=False)
class TaskDetailResponse(Shape):
    task: TaskDetail


@final
@define(eq=False)
class TreeNode(Shape):
    task: TaskReference
    depth: int
    last_activity_at: str
    parent_task_id: str | None = None
    child_count: int = 0
    active_run: RunSummary | None = None


@final
@define(eq=False)
class Tree(Shape):
    root: TreeNode
    descendants: list[TreeNode] = field(factory=list)


@final
@define(eq=False)
class TreeResponse(Shape):
    tree: Tree


@final
@define(eq=False)
class EncodedTree(Shape):
    """A `Tree` whose nodes are JSON already: a large one is encoded bit by bit."""

    root: orjson.Fragment
    descendants: list[orjson.Fragment] = field(factory=list)


@final
@define(eq=False)
class EncodedTreeResponse(Shape):
    tree: EncodedTree


def _fill(shape: TaskFields, task: TaskState, lookup: Lookup) -> None:
    """Set what most answers leave out."""
    take_details(shape, task)
    shape.identifier = task.identifier
    shape.workspace_id = task.workspace_id
    shape.parent_task_id = task.parent_task_id
    shape.draft = task.status is TaskStatus.DRAFT
    shape.auto_enqueue_on_ready = task.auto_enqueue_on_ready
    current_run = task.current_run
    shape.current_run_id = None if current_run is None else current_run.id
    if task.pause is not None:
        shape.paused = True
        shape.paused_by = str(task.pause.by)
        shape.paused_at = rfc3339(task.pause.at_ns)
        shape.paused_reason = task.pause.reason or None
    shape.paused_by_task_id = pausing_task(task, lookup)
    shape.effective_paused = shape.paused_by_task_id is not None
    shape.closed_at = optional_time(task.closed_at_ns)


def task_of(task: TaskState, lookup: Lookup) -> Task:
    shape = Task(
        task.id,
        task.scope,
        task.title,
        task.priority,
        task.max_attempts,
        task.status,
        task.approval_policy,
        task.approval_state,
        task.latest_event_seq,
        actor_of(task.created_by),
        origin_of(task.origin),
        rfc3339(task.created_at_ns),
        rfc3339(task.updated_at_ns),
        description=task.description,
        metadata=fragment(task.metadata),
    )
    _fill(shape, task, lookup)
    return shape


def summary_of(task: TaskState, lookup: Lookup) -> TaskSummary:
    references = dependency_references_of(task, lookup)
    open_run = task.open_run
    shape = TaskSummary(
        task.id,
        task.scope,
        task.title,
        task.priority,
        task.max_attempts,
        task.status,
        task.approval_policy,
        task.approval_state,
        task.latest_event_seq,
        actor_of(task.created_by),
        origin_of(task.origin),
        rfc3339(task.created_at_ns),
        rfc3339(task.updated_at_ns),
        child_count=lookup.child_count(task.id),
        dependency_count=len(task.dependencies),
        dependencies=references,
        active_run=None if open_run is None else run_summary_of(task, open_run, lookup),
        last_activity_at=rfc3339(task.last_activity_at_ns),
    )
    _fill(shape, task, lookup)
    return shape


_listed: Final = KeptRows()


def listed(task: TaskState, lookup: Lookup) -> TaskSummary | Encoded:
    """The same, as a row of a list."""
    if not stands_alone(task):
        return summary_of(task, lookup)
    besides = (lookup.child_count(task.id), pausing_task(task, lookup))
    return _listed.row(task.id, task, besides, lambda: summary_of(task, lookup))


def _in_order(task: TaskState) -> list[state.Dependency]:
    return list(task.dependencies)


def dependency_references_of(task: TaskState, lookup: Lookup) -> list[DependencyReference]:
    """The edges with their blockers; one whose blocker was deleted this instant is left out."""
    found: list[DependencyReference] = []
    for edge in _in_order(task):
        blocker = lookup.get(edge.depends_on_task_id)
        if blocker is not None:
            found.append(
                DependencyReference(
                    task.id,
                    edge.depends_on_task_id,
                    edge.kind,
                    rfc3339(edge.created_at_ns),
                    reference_of(blocker, lookup),
                )
            )
    return found


def latest_runs_first(runs: Iterable[state.Run]) -> list[state.Run]:
    """The one queued last first."""
    return sorted(runs, key=lambda run: run.queue_order, reverse=True)


def detail_of(
    task: TaskState, children: Iterable[TaskState], events: list[TaskEvent], lookup: Lookup
) -> TaskDetail:
    """`task` is whole; `children` and `events` are in the order to show."""
    summary = summary_of(task, lookup)
    return TaskDetail(
        summary=summary,
        task=task_of(task, lookup),
        children=[summary_of(child, lookup) for child in children],
        dependencies=[
            Dependency(task.id, edge.depends_on_task_id, edge.kind, rfc3339(edge.created_at_ns))
            for edge in _in_order(task)
        ],
        dependency_references=summary.dependencies,
        runs=[run_of(task.id, run, lookup) for run in latest_runs_first(task.runs)],
        events=events,
    )


def node_of(task: TaskState, depth: int, child_count: int, lookup: Lookup) -> TreeNode:
    """`depth` counts from the task that was asked for."""
    open_run = task.open_run
    return TreeNode(
        reference_of(task, lookup),
        depth,
        rfc3339(task.last_activity_at_ns),
        task.parent_task_id,
        child_count,
        None if open_run is None else run_summary_of(task, open_run, lookup),
    )


def task_run_of(answer: Answer, lookup: Lookup) -> TaskRunResponse:
    return TaskRunResponse(
        task_of(answer.task, lookup), run_of(answer.task.id, answer.the_run, lookup)
    )
