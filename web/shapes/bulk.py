"""What became of many runs, one row each."""

from typing import final

from attrs import define

from actors.answers import Answer
from actors.errors import Rejected
from web.problems import problem
from web.shapes.encoding import Shape
from web.shapes.problems import Error
from web.shapes.references import Lookup
from web.shapes.runs import Run, run_of


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
