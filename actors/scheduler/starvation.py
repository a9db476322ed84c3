"""Whether anybody could ever claim a run: a busy session counts, a missing one does not."""

from collections.abc import Callable, Iterable
from typing import Final

from actors.actor import Envelope
from actors.identity import SCHEDULER
from actors.registry.state import SessionState
from actors.scheduler.board import Board
from actors.task.commands import NoteStarvation
from actors.task.eligibility import ClaimableRun, Claimer, matches

ROUND_MAX: Final = 256  # runs looked at in one go, so that a million of them hold nobody up


def look_at_starving(
    board: Board,
    sessions: Callable[[], Iterable[SessionState]],
    send: Callable[[str, Envelope], None],
    now_ns: int,
    again_ns: int,
) -> None:
    """Look at the runs that are due; those that nobody could claim are told so, once.

    Each is looked at again after `again_ns`: a taker may come or leave, the run become claimable
    or not.
    """
    due = board.starving.pop_due(now_ns, ROUND_MAX)
    registered = list(sessions()) if due else []
    for task_id, run_id in due:
        run = board.claimable.get(run_id)
        if run is None or has_taker(run, registered):
            board.starved.discard(run_id)
        elif run_id not in board.starved:
            board.starved.add(run_id)
            send(task_id, Envelope(NoteStarvation(run_id), SCHEDULER))
        board.starving.set((task_id, run_id), now_ns + again_ns)


def has_taker(run: ClaimableRun, sessions: Iterable[SessionState]) -> bool:
    """Whether one of the registered sessions could claim the run, be it busy or not.

    Only capabilities that a session was registered with count; what it may add in a call is
    not known before the call.
    """
    return any(matches(run, _claimer(session)) for session in sessions)


def _claimer(session: SessionState) -> Claimer:
    return Claimer(
        session_id=session.id,
        agent_name=session.agent_name,
        workspace_id=session.workspace_id,
        channel=session.channel,
        capabilities=frozenset(session.capabilities),
        priority_min=0,
    )
