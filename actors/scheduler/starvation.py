"""Whether anybody could ever claim a run: a busy session counts, a missing one does not."""

from collections.abc import Iterable

from actors.registry.state import SessionState
from actors.scheduler.claimable import ClaimableRun, Claimer, matches


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
