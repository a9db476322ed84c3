"""What became of many runs or tasks, one row each."""

from typing import final

from attrs import define

from chargehand.actors.answers import Answer
from chargehand.actors.bulk.runs import RunOutcome
from chargehand.actors.bulk.tasks import TaskOutcome
from chargehand.actors.errors import Rejected
from chargehand.actors.task.state import RunStatus, TaskStatus
from chargehand.web.problems import problem
from chargehand.web.shapes.encoding import Shape
from chargehand.web.shapes.problems import Error
from chargehand.web.shapes.references import Lookup
from chargehand.web.shapes.runs import Run, run_of


@final
@define(eq=False)
class BulkRunResult(Shape):
    """Either the run as it is now, or why nothing was done."""

    run_id: str
    ok: bool
    run: Run | None = None
    error: Error | None = None


@final
@define(eq=False)
class BulkRunResponse(Shape):
    results: list[BulkRunResult]


def result_of(run_id: str, outcome: Answer | Rejected, lookup: Lookup) -> BulkRunResult:
    if isinstance(outcome, Rejected):
        return BulkRunResult(run_id, ok=False, error=problem(outcome).shown)
    return BulkRunResult(run_id, ok=True, run=run_of(outcome.task.id, outcome.the_run, lookup))


@final
@define(eq=False)
class BulkTaskRow(Shape):
    """What became of one task; title and status as they are afterwards."""

    id: str
    ok: bool
    title: str | None = None
    status: TaskStatus | None = None
    error: Error | None = None


@final
@define(eq=False)
class BulkTaskResponse(Shape):
    dry_run: bool
    changed: int
    refused: int
    results: list[BulkTaskRow]
    matched: int | None = None
    next_cursor: str | None = None


@final
@define(eq=False)
class BulkRunRow(Shape):
    """What became of one run; its status, and its task's title, as they are afterwards."""

    id: str
    ok: bool
    task_id: str | None = None
    title: str | None = None
    status: RunStatus | None = None
    new_run_id: str | None = None
    error: Error | None = None


@final
@define(eq=False)
class BulkRunsResponse(Shape):
    dry_run: bool
    changed: int
    refused: int
    results: list[BulkRunRow]
    matched: int | None = None
    next_cursor: str | None = None


def task_row_of(outcome: TaskOutcome) -> BulkTaskRow:
    task, error = outcome.task, _error_of(outcome.refusal)
    if task is None:
        return BulkTaskRow(outcome.task_id, error is None, error=error)
    return BulkTaskRow(outcome.task_id, error is None, task.title, task.status, error)


def run_row_of(outcome: RunOutcome) -> BulkRunRow:
    task, run, error = outcome.task, outcome.run, _error_of(outcome.refusal)
    return BulkRunRow(
        outcome.run_id,
        error is None,
        None if task is None else task.id,
        None if task is None else task.title,
        None if run is None else run.status,
        None if outcome.new_run is None else outcome.new_run.id,
        error,
    )


def _error_of(refusal: Rejected | None) -> Error | None:
    return None if refusal is None else problem(refusal).shown
