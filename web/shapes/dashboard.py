"""How the work stands as a whole."""

from collections.abc import Iterable
from enum import Enum
from typing import Final, final

from attrs import define, field

from chargehand.actors import limits
from chargehand.actors.task.state import Owner, Priority, RunStatus, Scope, TaskState, TaskStatus
from chargehand.actors.views import dashboard as seen
from chargehand.actors.views.groups import since_ns
from chargehand.actors.views.tally import Count
from chargehand.web.shapes.encoding import Shape, required_time, rfc3339

_NS_IN_MS: Final = 1_000_000
_S_IN_MS: Final = 1000
_BREAKDOWN: Final = (
    TaskStatus.COMPLETED,
    TaskStatus.PENDING,
    TaskStatus.IN_PROGRESS,
    TaskStatus.READY,
    TaskStatus.BLOCKED,
    TaskStatus.FAILED,
    TaskStatus.CANCELED,
    TaskStatus.DRAFT,
)


class Health(Enum):
    OK = "ok"
    WARN = "warn"


class Standing(Enum):
    """How fresh the picture is."""

    EMPTY = "empty"
    CURRENT = "current"
    STALE = "stale"


@final
@define(eq=False)
class Totals(Shape):
    tasks_total: int
    runs_total: int
    draft_tasks: int
    pending_tasks: int
    ready_tasks: int
    in_progress_tasks: int
    blocked_tasks: int
    completed_tasks: int
    failed_tasks: int
    canceled_tasks: int
    awaiting_approval_tasks: int
    dependency_blocked_tasks: int
    queued_runs: int
    claimed_runs: int
    starting_runs: int
    running_runs: int
    completed_runs: int
    failed_runs: int
    canceled_runs: int
    active_runs: int


@final
@define(eq=False)
class InProgressCard(Shape):
    tasks: int
    active_runs: int
    running_runs: int
    starting_runs: int
    claimed_runs: int
    queued_runs: int
    health_status: Health


@final
@define(eq=False)
class BlockedCard(Shape):
    tasks: int
    awaiting_approval: int
    awaiting_dependencies: int
    health_status: Health


@final
@define(eq=False)
class FailedCard(Shape):
    """Runs that need attention are among `failed_runs` here, as in the inbox."""

    tasks: int
    failed_runs: int
    forced_stops: int
    health_status: Health


@final
@define(eq=False)
class Latency(Shape):
    samples: int
    average_ms: float
    maximum_ms: int


@final
@define(eq=False)
class LatencyCard(Shape):
    claim_latency_ms: Latency
    start_latency_ms: Latency


@final
@define(eq=False)
class Cards(Shape):
    in_progress: InProgressCard
    blocked: BlockedCard
    failed: FailedCard
    latency: LatencyCard


@final
@define(eq=False)
class StatusShare(Shape):
    status: TaskStatus
    count: int
    share_percent: float


@final
@define(eq=False)
class ChannelDepth(Shape):
    count: int
    oldest_queued_at: str
    oldest_queue_age_ms: int
    network_channel: str | None = None


@final
@define(eq=False)
class Queue(Shape):
    total: int
    oldest_queued_at: str
    oldest_queue_age_ms: int
    backlog_warning: bool
    backlog_status: Health
    backlog_threshold_ms: int
    depth: list[ChannelDepth] = field(factory=list)


@final
@define(eq=False)
class HealthSummary(Shape):
    status: Health
    stuck_runs: int
    active_orphan_runs: int
    queue_backlog: bool


@final
@define(eq=False)
class ActiveRun(Shape):
    task_id: str
    task_title: str
    task_status: TaskStatus
    scope: Scope
    latest_event_seq: int
    run_id: str
    run_status: RunStatus
    attempt: int
    max_attempts: int
    last_activity_at: str
    age_ms: int
    health_status: Health
    stuck: bool
    task_identifier: str | None = None
    task_priority: Priority | None = None
    task_owner: Owner | None = None
    workspace_id: str | None = None
    session_id: str | None = None
    network_channel: str | None = None
    error: str | None = None


@final
@define(eq=False)
class ActiveRuns(Shape):
    total: int
    running: int
    starting: int
    claimed: int
    queued: int
    items: list[ActiveRun] = field(factory=list)


@final
@define(eq=False)
class Freshness(Shape):
    observed_at: str
    latest_activity_at: str
    age_ms: int
    stale_after_ms: int
    has_live_work: bool
    status: Standing
    stale: bool


@final
@define(eq=False)
class Dashboard(Shape):
    totals: Totals
    cards: Cards
    queue: Queue
    health: HealthSummary
    active_runs: ActiveRuns
    freshness: Freshness
    status_breakdown: list[StatusShare] = field(factory=list)


@final
@define(eq=False)
class DashboardResponse(Shape):
    dashboard: Dashboard


def dashboard_of(board: seen.Dashboard, shown: Iterable[TaskState]) -> Dashboard:
    """Args: shown: the tasks of `board.shown`, in that order."""
    totals, health = _totals(board), _health(board)
    return Dashboard(
        totals=totals,
        cards=_cards(board, totals, health.status),
        queue=_queue(board),
        health=health,
        active_runs=ActiveRuns(
            total=totals.active_runs,
            running=totals.running_runs,
            starting=totals.starting_runs,
            claimed=totals.claimed_runs,
            queued=totals.queued_runs,
            items=[_active_run(board, task) for task in shown],
        ),
        freshness=_freshness(board),
        status_breakdown=[
            StatusShare(status, count, _percent(count, totals.tasks_total))
            for status in _BREAKDOWN
            if (count := board.tasks(status))
        ],
    )


def _warn_if(condition: object) -> Health:
    return Health.WARN if condition else Health.OK


def _percent(part: int, whole: int) -> int:
    """Rounded, halves up."""
    return (200 * part + whole) // (2 * whole)


def _totals(board: seen.Dashboard) -> Totals:
    return Totals(
        tasks_total=board.count(Count.TASKS),
        runs_total=board.count(Count.RUNS),
        awaiting_approval_tasks=board.count(Count.AWAITING_APPROVAL_TASKS),
        dependency_blocked_tasks=board.count(Count.DEPENDENCY_BLOCKED_TASKS),
        active_runs=board.active_runs,
        **{f"{status.value}_tasks": board.tasks(status) for status in TaskStatus},
        **{
            f"{status.value}_runs": board.runs(status)
            for status in RunStatus
            if status is not RunStatus.NEEDS_ATTENTION
        },
    )


def _cards(board: seen.Dashboard, totals: Totals, health: Health) -> Cards:
    failed_runs = totals.failed_runs + board.runs(RunStatus.NEEDS_ATTENTION)
    forced = board.count(Count.FORCED_RUNS)
    return Cards(
        in_progress=InProgressCard(
            tasks=totals.in_progress_tasks,
            active_runs=totals.active_runs,
            running_runs=totals.running_runs,
            starting_runs=totals.starting_runs,
            claimed_runs=totals.claimed_runs,
            queued_runs=totals.queued_runs,
            health_status=health,
        ),
        blocked=BlockedCard(
            tasks=totals.blocked_tasks,
            awaiting_approval=totals.awaiting_approval_tasks,
            awaiting_dependencies=totals.dependency_blocked_tasks,
            health_status=_warn_if(totals.blocked_tasks),
        ),
        failed=FailedCard(
            tasks=totals.failed_tasks,
            failed_runs=failed_runs,
            forced_stops=forced,
            health_status=_warn_if(totals.failed_tasks or failed_runs or forced),
        ),
        latency=LatencyCard(_latency(board.claims), _latency(board.starts)),
    )


def _latency(latency: seen.Latency) -> Latency:
    return Latency(
        latency.samples, latency.average_ns // _NS_IN_MS, latency.maximum_ns // _NS_IN_MS
    )


def _age_ms(board: seen.Dashboard, at_ns: int | None) -> int:
    return 0 if at_ns is None else board.age_ns(at_ns) // _NS_IN_MS


def _queue(board: seen.Dashboard) -> Queue:
    oldest_ns = board.oldest_queued_at_ns
    return Queue(
        total=sum(depth.count for depth in board.queue),
        oldest_queued_at=required_time(oldest_ns),
        oldest_queue_age_ms=_age_ms(board, oldest_ns),
        backlog_warning=board.is_backlogged,
        backlog_status=_warn_if(board.is_backlogged),
        backlog_threshold_ms=limits.BACKLOG_OLD_S * _S_IN_MS,
        depth=[
            ChannelDepth(
                depth.count,
                rfc3339(depth.oldest_queued_at_ns),
                _age_ms(board, depth.oldest_queued_at_ns),
                depth.network_channel,
            )
            for depth in board.queue
        ],
    )


def _health(board: seen.Dashboard) -> HealthSummary:
    return HealthSummary(
        _warn_if(board.stuck_runs or board.orphans or board.is_backlogged),
        board.stuck_runs,
        board.orphans,
        board.is_backlogged,
    )


def _active_run(board: seen.Dashboard, task: TaskState) -> ActiveRun:
    run = task.open_run
    assert run is not None, f"{task.id} has no open run"
    at_ns = since_ns(run)
    stuck = run.is_neglected or board.is_stuck(run.status, at_ns)
    return ActiveRun(
        task_id=task.id,
        task_title=task.title,
        task_status=task.status,
        scope=task.scope,
        latest_event_seq=task.latest_event_seq,
        run_id=run.id,
        run_status=run.status,
        attempt=run.attempt,
        max_attempts=task.max_attempts,
        last_activity_at=rfc3339(at_ns),
        age_ms=_age_ms(board, at_ns),
        health_status=_warn_if(stuck),
        stuck=stuck,
        task_identifier=task.identifier,
        task_priority=task.priority,
        task_owner=task.owner,
        workspace_id=task.workspace_id,
        session_id=run.session_id,
        network_channel=run.network_channel,
        error=run.error or None,
    )


def _freshness(board: seen.Dashboard) -> Freshness:
    latest_ns = board.latest_activity_ns
    standing = Standing.STALE if board.is_stale else Standing.CURRENT
    return Freshness(
        observed_at=rfc3339(board.now_ns),
        latest_activity_at=required_time(latest_ns),
        age_ms=_age_ms(board, latest_ns),
        stale_after_ms=limits.STALE_S * _S_IN_MS,
        has_live_work=board.active_runs > 0,
        status=Standing.EMPTY if latest_ns is None else standing,
        stale=board.is_stale,
    )
