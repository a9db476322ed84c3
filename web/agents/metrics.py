"""What a pool has to say of itself."""

from typing import final

from chargehand.actors.frozen import frozen


@final
@frozen
class PoolMetrics:
    """Counts since the pool was made.

    Args:
        size: how many runs it works on at a time, at most.
        active: runs that it holds now.
        claimed: runs that it was given.
        completed, failed, released: how those have ended, as the scheduler has confirmed; those too
            that a handler has completed or failed itself, as the same agent.
        lost: runs that were taken from it: leases that ran out, tasks that were canceled, ends that
            nobody confirmed, and runs that a handler has released itself.
    """

    size: int
    active: int = 0
    claimed: int = 0
    completed: int = 0
    failed: int = 0
    released: int = 0
    lost: int = 0
