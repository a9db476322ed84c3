"""What became of many new tasks, one row each."""

from typing import final

from attrs import define, field

from chargehand.actors.answers import Answer
from chargehand.actors.errors import Rejected
from chargehand.web.problems import problem
from chargehand.web.shapes.encoding import Shape
from chargehand.web.shapes.problems import Diagnostic, Error
from chargehand.web.shapes.references import Lookup
from chargehand.web.shapes.tasks import Task, task_of


@final
@define(eq=False)
class NewTaskResult(Shape):
    """Either the task, or why it was not made."""

    ok: bool
    ref: str | None = None
    task: Task | None = None
    error: Error | None = None


@final
@define(eq=False)
class TaskBatchResponse(Shape):
    results: list[NewTaskResult]


@final
@define(eq=False)
class TaskBatchError(Shape):
    """A refusal; of a batch that is made as a whole with what is wrong with each item."""

    error: str
    diagnostic: Diagnostic
    results: list[NewTaskResult] = field(factory=list)


def new_task_result_of(
    ref: str | None, outcome: Answer | Rejected, lookup: Lookup
) -> NewTaskResult:
    if isinstance(outcome, Rejected):
        return NewTaskResult(ok=False, ref=ref, error=problem(outcome).shown)
    return NewTaskResult(ok=True, ref=ref, task=task_of(outcome.task, lookup))
