"""What an actor answers: frozen states as of the record that is on disk."""

from typing import final

from attrs import frozen

from actors.task.state import Run, TaskState


@final
@frozen
class Answer:
    """The task after the operation, with the run that it was about.

    Args:
        task: the whole task.
        run: the run concerned, new or changed; None where there is none.
        previous_run: of retry and recover, the source.
        replayed: the request was answered from what an earlier equal one did.
    """

    task: TaskState
    run: Run | None = None
    previous_run: Run | None = None
    replayed: bool = False

    @property
    def the_run(self) -> Run:
        """The run, where the operation always has one."""
        assert self.run is not None, f"an operation on {self.task.id} gave no run"
        return self.run
