"""What an actor answers: frozen states as of the record that is on disk."""

from typing import final

from attrs import frozen

from actors.task.review import Review
from actors.task.state import Run, TaskState


@final
@frozen
class Answer:
    """The task after the operation, with the run that it was about.

    Args:
        task: the whole task.
        run: the run concerned, new or changed; None where there is none.
        previous_run: of retry and recover, the source.
        review: the review concerned; `run` is then the run that continues the work, if any.
        replayed: the request was answered from what an earlier equal one did.
    """

    task: TaskState
    run: Run | None = None
    previous_run: Run | None = None
    review: Review | None = None
    replayed: bool = False

    @property
    def the_run(self) -> Run:
        """The run, where the operation always has one."""
        assert self.run is not None, f"an operation on {self.task.id} gave no run"
        return self.run

    @property
    def the_review(self) -> Review:
        """The review, where the operation always has one."""
        assert self.review is not None, f"an operation on {self.task.id} gave no review"
        return self.review
