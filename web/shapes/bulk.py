"""What became of many runs, one row each."""

from typing import final

from attrs import define

from chargehand.actors.answers import Answer
from chargehand.actors.errors import Rejected
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
