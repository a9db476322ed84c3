"""What an actor answers: frozen states as of the record that is on disk."""

from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.idempotency.once import Done, Earlier, Once
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import Run, TaskState
from chargehand.actors.task.subscription import Subscription


@final
@frozen
class Answer:
    """The task after the operation, with the run that it was about.

    Args:
        task: the whole task.
        run: the run concerned, new or changed; None where there is none.
        previous_run: of retry and recover, the source.
        review: the review concerned; `run` is then the run that continues the work, if any.
        subscription: the subscription that was made or changed.
        replayed: the request was answered from what an earlier equal one did, as the task has it.
            An answer that is given again under a key is as the first one in this, too.
    """

    task: TaskState
    run: Run | None = None
    previous_run: Run | None = None
    review: Review | None = None
    replayed: bool = False
    subscription: Subscription | None = None

    @classmethod
    def again(cls, task: TaskState, earlier: Earlier) -> "Answer":
        """What a request was answered before, with everything in it as it is now."""
        run_id, previous_id = earlier.run_id, earlier.previous_run_id
        review_id, subscription_id = earlier.review_id, earlier.subscription_id
        return cls(
            task,
            None if run_id is None else task.run(run_id),
            None if previous_id is None else task.run(previous_id),
            None if review_id is None else task.review(review_id),
            subscription=None if subscription_id is None else task.subscription(subscription_id),
        )

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

    def done(self, once: Once) -> Done:
        """What is kept of this answer, to give it again: the ids of what it is about."""
        run, previous, review = self.run, self.previous_run, self.review
        return Done(
            once,
            run_id=None if run is None else run.id,
            previous_run_id=None if previous is None else previous.id,
            review_id=None if review is None else review.id,
            subscription_id=None if self.subscription is None else self.subscription.id,
        )
