"""Runs in progress without a lease: whether anybody has touched them recently."""

from collections.abc import Callable

from chargehand.actors import limits
from chargehand.actors.actor import Envelope
from chargehand.actors.clock import Clock
from chargehand.actors.identity import SCHEDULER
from chargehand.actors.limits import NS
from chargehand.actors.scheduler.board import Board
from chargehand.actors.task.commands import NoteNeglect
from chargehand.actors.task.state import TaskState


def look_at_unleased(
    board: Board,
    state_of: Callable[[str], TaskState | None],
    send: Callable[[str, Envelope], None],
    clock: Clock,
    after_ns: int,
) -> None:
    """Check runs that are due, no more than `SLICE_MAX`, and note once those that nobody has
    touched for `after_ns`."""
    now_ns = clock.steady_ns()
    for task_id, run_id in board.unleased.pop_due(now_ns, limits.SLICE_MAX):
        state = state_of(task_id)
        run = None if state is None else state.current_run
        since_ns = None if run is None else run.untouched_since_ns
        if run is None or since_ns is None or run.id != run_id or run.is_neglected:
            continue
        left_ns = after_ns - clock.age_ns(since_ns)
        if left_ns <= 0:
            send(task_id, Envelope(NoteNeglect(run_id, since_ns), SCHEDULER))
            left_ns = max(after_ns, NS)  # should the task not get to note it
        board.unleased.set((task_id, run_id), now_ns + left_ns)
