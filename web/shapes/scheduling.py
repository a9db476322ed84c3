"""The scheduler as a whole, and its backlog."""

from typing import Final, Protocol, final

from attrs import define

from chargehand.actors.task import state
from chargehand.actors.task.state import Pause, TaskState
from chargehand.web.shapes.encoding import Encoded, Shape, optional_time, rfc3339
from chargehand.web.shapes.references import Lookup, pausing_task
from chargehand.web.shapes.rows import KeptRows, stands_alone
from chargehand.web.shapes.runs import Run, RunSummary, run_of
from chargehand.web.shapes.tasks import TaskSummary, summary_of


class Drain(Protocol):
    """A drain that is under way."""

    @property
    def started_at_ns(self) -> int: ...
    @property
    def ends_at_ns(self) -> int: ...
    @property
    def claims_at_start(self) -> int: ...


class Status(Protocol):
    """The scheduler's counts at one moment."""

    @property
    def pause(self) -> Pause | None: ...
    @property
    def active_claim_count(self) -> int: ...
    @property
    def queued_run_count(self) -> int: ...
    @property
    def paused_task_count(self) -> int: ...
    @property
    def starved_run_count(self) -> int: ...
    @property
    def needs_attention_run_count(self) -> int: ...
    @property
    def as_of_ns(self) -> int: ...
    @property
    def drain(self) -> Drain | None: ...


@final
@define(eq=False)
class DrainUnderWay(Shape):
    started_at: str
    ends_at: str
    claims_at_start: int


@final
@define(eq=False)
class SchedulerStatus(Shape):
    paused: bool
    active_claim_count: int
    queued_run_count: int
    paused_task_count: int
    starved_run_count: int
    needs_attention_run_count: int
    as_of: str
    paused_by: str | None = None
    paused_at: str | None = None
    paused_reason: str | None = None
    drain: DrainUnderWay | None = None


@final
@define(eq=False)
class SchedulerResponse(Shape):
    scheduler: SchedulerStatus


@final
@define(eq=False)
class DrainResponse(Shape):
    scheduler: SchedulerStatus
    completed: bool
    remaining_claims: int
    started_at: str
    completed_at: str
    timed_out: bool = False
    remaining_runs: list[RunSummary] | None = None


@final
@define(eq=False)
class BacklogItem(Shape):
    task: TaskSummary
    run: Run


@final
@define(eq=False)
class Backlog(Shape):
    runs: list[BacklogItem | Encoded]
    total: int


@final
@define(eq=False)
class BacklogResponse(Shape):
    backlog: Backlog


_listed: Final = KeptRows()


def listed_run(task: TaskState, run: state.Run, lookup: Lookup) -> BacklogItem | Encoded:
    """The open run of a task, as a row of the backlog."""

    def item() -> BacklogItem:
        return BacklogItem(summary_of(task, lookup), run_of(task.id, run, lookup))

    if not stands_alone(task):
        return item()
    besides = (lookup.child_count(task.id), pausing_task(task, lookup))
    return _listed.row(task.id, task, besides, item)


def scheduler_of(status: Status) -> SchedulerStatus:
    pause = status.pause
    return SchedulerStatus(
        paused=pause is not None,
        active_claim_count=status.active_claim_count,
        queued_run_count=status.queued_run_count,
        paused_task_count=status.paused_task_count,
        starved_run_count=status.starved_run_count,
        needs_attention_run_count=status.needs_attention_run_count,
        as_of=rfc3339(status.as_of_ns),
        paused_by=None if pause is None else str(pause.by),
        paused_at=optional_time(None if pause is None else pause.at_ns),
        paused_reason=None if pause is None else pause.reason or None,
        drain=_drain_of(status.drain),
    )


def _drain_of(drain: Drain | None) -> DrainUnderWay | None:
    if drain is None:
        return None
    started_at, ends_at = rfc3339(drain.started_at_ns), rfc3339(drain.ends_at_ns)
    return DrainUnderWay(started_at, ends_at, drain.claims_at_start)
