"""The read model of the registry: workspaces and sessions, as they are on disk.

Sessions that registered themselves and never held a lease are visitors: they are here, and nowhere
on disk. Written by the publisher with what was committed, and by the registry's actor with what it
keeps in memory alone (visitors, and when a session last called).
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import final

from chargehand.actors.clock import Clock
from chargehand.actors.faults import Faults
from chargehand.actors.limits import NS
from chargehand.actors.registry.refusals import (
    identity_mismatch,
    identity_required,
    in_no_workspace,
    session_ended,
    session_not_found,
    session_unauthorized,
    workspace_not_found,
)
from chargehand.actors.registry.state import (
    SESSION_PREFIX,
    WORKSPACE_PREFIX,
    RegistryState,
    SessionState,
    WorkspaceState,
)
from chargehand.actors.settings import Settings


@final
class Roster:
    """Answers at once."""

    def __init__(self, clock: Clock, settings: Settings, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._ended_ns = int(settings.ended_session_s * NS)
        self._away_ns = int(settings.session_away_s * NS)
        self._workspaces: dict[str, WorkspaceState] = {}
        self._by_root: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._sessions: dict[str, SessionState] = {}  # ended ones too, until they are forgotten
        self._active: dict[str, SessionState] = {}  # of these, those that were not ended
        self._visitors: dict[str, SessionState] = {}
        self._changes = 0
        self._seen_at_ns: dict[str, int] = {}  # on the steady scale, of active sessions

    # --- what changes it ------------------------------------------------------------------------

    def restore(self, states: Iterable[RegistryState]) -> None:
        """Take in stored states. Agents have their full time to call again."""
        for state in states:
            self.committed(state)

    def committed(self, state: RegistryState) -> None:
        """Take in a state that is on disk."""
        match state:
            case WorkspaceState():
                self._workspaces[state.id] = state
                self._by_root[state.root_dir] = state.id
                self._by_name.setdefault(state.name, state.id)
            case SessionState():
                self._changes += 1
                self._visitors.pop(state.id, None)
                if state.forgotten:
                    self._sessions.pop(state.id, None)
                else:
                    self._sessions[state.id] = state
                if state.is_active:
                    self._active[state.id] = state
                    self._seen_at_ns.setdefault(state.id, self._clock.steady_ns())
                else:
                    self._active.pop(state.id, None)
                    self._seen_at_ns.pop(state.id, None)

    def admit(self, visitor: SessionState) -> None:
        """A session has registered itself. Called by the registry's actor."""
        self._changes += 1
        self._visitors[visitor.id] = visitor
        self._seen_at_ns[visitor.id] = self._clock.steady_ns()

    def dismiss(self, session_id: str) -> None:
        """Forget a visitor. Called by the registry's actor."""
        self._changes += 1
        self._visitors.pop(session_id, None)
        self._seen_at_ns.pop(session_id, None)

    def saw(self, session_id: str) -> None:
        """The session has called. Called by the registry's actor."""
        if session_id in self._seen_at_ns:
            self._changes += self.is_away(session_id)
            self._seen_at_ns[session_id] = self._clock.steady_ns()

    # --- workspaces -----------------------------------------------------------------------------

    def workspaces(self) -> list[WorkspaceState]:
        """All, in order of creation."""
        return list(self._workspaces.values())

    def workspace(self, workspace_id: str) -> WorkspaceState:
        """Raises: Rejected: WORKSPACE_NOT_FOUND, WORKSPACE_SET_ASIDE."""
        self._faults.check(WORKSPACE_PREFIX + workspace_id)
        found = self._workspaces.get(workspace_id)
        if found is None:
            raise workspace_not_found(workspace_id)
        return found

    def find_workspace(self, ref: str) -> WorkspaceState | None:
        """By id, name or absolute path, in this order; of equal names the first one.

        Raises:
            Rejected: WORKSPACE_SET_ASIDE: there is none, but one that is set aside may be it.
        """
        ref = ref.strip()
        root = ref.rstrip("/") or ref
        found = self._workspaces.get(ref)
        if found is None:
            workspace_id = self._by_name.get(ref) or self._by_root.get(root)
            found = None if workspace_id is None else self._workspaces[workspace_id]
        if found is None:
            self._faults.check_any(WORKSPACE_PREFIX)
        return found

    def workspace_at(self, root_dir: str) -> WorkspaceState | None:
        """The workspace of a directory, in its shortest spelling. Raises: Rejected."""
        workspace_id = self._by_root.get(root_dir)
        if workspace_id is None:
            self._faults.check_any(WORKSPACE_PREFIX)
        return None if workspace_id is None else self._workspaces[workspace_id]

    def root_dir_of(self, session: SessionState) -> str | None:
        """Of its workspace; None where it has none, or one that is set aside."""
        workspace_id = session.workspace_id
        found = None if workspace_id is None else self._workspaces.get(workspace_id)
        if found is None or WORKSPACE_PREFIX + found.id in self._faults:
            return None
        return found.root_dir

    # --- sessions -------------------------------------------------------------------------------

    def sessions(self) -> list[SessionState]:
        """All active ones, visitors too."""
        return [*self._active.values(), *self._visitors.values()]

    def stored_sessions(self) -> list[SessionState]:
        """All that are on disk, ended ones too."""
        return list(self._sessions.values())

    def sessions_of(self, agent_name: str) -> frozenset[str]:
        """The ids of an agent's sessions: active ones, and ended ones until they are forgotten."""
        known = chain(self._sessions.values(), self._visitors.values())
        return frozenset(session.id for session in known if session.agent_name == agent_name)

    def present_sessions(self) -> Iterator[SessionState]:
        """The active sessions that are not away: those that could be expected to claim."""
        return (session for session in self.sessions() if not self.is_away(session.id))

    @property
    def changes(self) -> int:
        """Grows whenever a session comes, goes, or calls after it was away; not when it goes
        away."""
        return self._changes

    def session(self, session_id: str) -> SessionState:
        """An active session. Raises: Rejected: SESSION_NOT_FOUND, SESSION_SET_ASIDE."""
        self._faults.check(SESSION_PREFIX + session_id)
        found = self.find(session_id)
        if found is None or not found.is_active:
            raise session_not_found(session_id)
        return found

    def find(self, session_id: str) -> SessionState | None:
        """The session, also if it was ended and its id is still refused."""
        found = self.held(session_id)
        return None if found is None or self._is_over(found) else found

    def held(self, session_id: str) -> SessionState | None:
        """The session, until it is forgotten."""
        return self._sessions.get(session_id) or self._visitors.get(session_id)

    def is_ended(self, session_id: str) -> bool:
        """Whether the session was ended, and its id is still refused."""
        found = self._sessions.get(session_id)
        return found is not None and not found.is_active and not self._is_over(found)

    def is_kept(self, session_id: str) -> bool:
        """Whether the session is on disk, and not in memory alone."""
        return session_id in self._sessions

    def is_away(self, session_id: str) -> bool:
        """Whether the session has not called for so long that nobody should count on it."""
        seen_ns = self._seen_at_ns.get(session_id)
        return seen_ns is None or seen_ns + self._away_ns <= self._clock.steady_ns()

    def seen_at_ns(self, session_id: str) -> int | None:
        """When an active session last called, or the server started, on the steady scale."""
        return self._seen_at_ns.get(session_id)

    @property
    def visitor_count(self) -> int:
        return len(self._visitors)

    def _is_over(self, session: SessionState) -> bool:
        """Ended so long ago that its id is free again."""
        ended_ns = session.ended_at_ns
        return ended_ns is not None and self._clock.age_ns(ended_ns) >= self._ended_ns

    def identify(
        self, session_id: str, agent_name: str, workspace: str | None
    ) -> SessionState | None:
        """The active session that a caller says it is; None on first contact.

        Args:
            workspace: what the workspace header names; None or blank is nothing.

        Raises:
            Rejected: an IDENTITY_ code, or SESSION_SET_ASIDE.
        """
        if not session_id or not agent_name:
            raise identity_required()
        self._faults.check(SESSION_PREFIX + session_id)
        session = self.find(session_id)
        if session is None:
            return None
        if not session.is_active:
            raise session_ended(session_id, agent_name)
        if session.agent_name != agent_name:
            raise identity_mismatch(session_id)
        if workspace:
            named = self.find_workspace(workspace)
            if named is None:
                raise in_no_workspace(session_id, workspace)
            if named.id != session.workspace_id:
                raise session_unauthorized(session_id)
        return session
