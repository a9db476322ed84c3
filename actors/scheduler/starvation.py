"""Whether anybody could ever claim a run: a busy session counts, a missing one does not.

Runs that make equal demands get one answer, and sessions that could claim the same count once. So
what it costs is the number of classes of runs times that of kinds of sessions, however many there
are of either.
"""

from collections.abc import Callable, Iterable
from typing import final

from chargehand.actors import limits
from chargehand.actors.actor import Envelope
from chargehand.actors.identity import SCHEDULER
from chargehand.actors.limits import NS
from chargehand.actors.registry.roster import Roster
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.board import Board
from chargehand.actors.task.commands import NoteStarvation
from chargehand.actors.task.eligibility import Claimer, Demands, QueuedRun, matches
from chargehand.actors.task.state import Owner, OwnerKind

_Kind = tuple[str, str | None, str | None, tuple[str, ...]]
"""What distinguishes sessions: agent, workspace, channel, capabilities."""

_Alike = tuple[str | None, str | None, Owner | None, frozenset[str], frozenset[str] | None]
"""What runs have in common that get one answer: workspace, channel, owner, required capabilities,
allowed agents."""


@final
class Starvation:
    """Looks at runs that may be starving. Whoever could claim is put together once for many
    rounds, until sessions come or go."""

    def __init__(
        self, board: Board, roster: Roster, send: Callable[[str, Envelope], None], again_ns: int
    ) -> None:
        """Args: again_ns: after which a run is checked again, as sessions come and go, and the run
        may become claimable or not."""
        self._board = board
        self._roster = roster
        self._send = send
        self._again_ns = again_ns
        self._takers = Takers(())
        self._as_of = -1  # the roster's changes
        self._until_ns = 0

    def look(self, now_ns: int) -> None:
        """Check runs that are due, and note once those that nobody could claim. No more than
        `SLICE_MAX` of them, and fewer where each costs much; the others stay due."""
        board = self._board
        due_ns = board.starving.next_at_ns()
        if due_ns is None or due_ns > now_ns:
            return
        takers = self._takers_at(now_ns)
        enough = takers.comparisons + limits.COMPARISONS_MAX
        for _ in range(limits.SLICE_MAX):
            if takers.comparisons >= enough:
                break
            run = board.starving.pop_due(now_ns)
            if run is None:
                break
            if run.task_id not in board.claimable or takers.has_any(run):
                board.starved.discard(run.run_id)
            elif run.run_id not in board.starved:
                board.starved.add(run.run_id)
                self._send(run.task_id, Envelope(NoteStarvation(run.run_id), SCHEDULER))
            board.starving.put(run, now_ns + self._again_ns)

    def _takers_at(self, now_ns: int) -> "Takers":
        if self._as_of != self._roster.changes or now_ns >= self._until_ns:
            self._takers = Takers(self._roster.present_sessions())
            self._as_of = self._roster.changes
            self._until_ns = now_ns + limits.TAKERS_KEPT_S * NS
        return self._takers


@final
class Takers:
    """Who could claim, be it busy or not.

    Only capabilities that a session was registered with count; what it may add in a call is not
    known before the call.
    """

    def __init__(self, sessions: Iterable[SessionState]) -> None:
        self._by_id = {session.id: session for session in sessions}
        first_of_kind: dict[_Kind, SessionState] = {}
        for session in self._by_id.values():
            first_of_kind.setdefault(_kind(session), session)
        self._kinds = first_of_kind.values()
        self._of_agent: dict[str, list[SessionState]] = {}
        self._able: dict[str, list[SessionState]] = {}  # by capability
        for session in self._kinds:
            self._of_agent.setdefault(session.agent_name, []).append(session)
            for capability in session.capabilities:
                self._able.setdefault(capability, []).append(session)
        self._claimers: dict[str, Claimer] = {}  # made when first compared
        self._answers: dict[_Alike, bool] = {}
        self.comparisons = 0  # made so far, of a run with a session

    def has_any(self, run: QueuedRun) -> bool:
        """Whether one of the sessions could claim the run."""
        key = _alike(run.demands)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = any(map(self._compared(run), self._asked(run.demands)))
        return answer

    def _asked(self, demands: Demands) -> Iterable[SessionState]:
        """Those whom its owner may admit, and of all the fewest that have one of the capabilities
        it requires. A run that is a session's own is for that session, not
        for one of its kind."""
        if demands.owner is None:
            able = (self._able.get(each, ()) for each in demands.required_capabilities)
            return min(able, key=len, default=self._kinds)
        if demands.owner.kind is OwnerKind.POOL:
            return self._of_agent.get(demands.owner.ref, ())
        owner = self._by_id.get(demands.owner.ref)
        return () if owner is None else (owner,)

    def _compared(self, run: QueuedRun) -> Callable[[SessionState], bool]:
        def compared(session: SessionState) -> bool:
            self.comparisons += 1
            claimer = self._claimers.get(session.id)
            if claimer is None:
                claimer = self._claimers[session.id] = _claimer(session)
            return matches(run, claimer)

        return compared


def _kind(session: SessionState) -> _Kind:
    return (session.agent_name, session.workspace_id, session.channel, session.capabilities)


def _alike(demands: Demands) -> _Alike:
    return (
        demands.workspace_id,
        demands.channel,
        demands.owner,
        demands.required_capabilities,
        demands.allowed_agents,
    )


def _claimer(session: SessionState) -> Claimer:
    return Claimer(
        session_id=session.id,
        agent_name=session.agent_name,
        workspace_id=session.workspace_id,
        channel=session.channel,
        capabilities=frozenset(session.capabilities),
        priority_min=0,
    )
