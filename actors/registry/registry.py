"""The registry: which workspaces there are, and which sessions may claim work.

A session registers itself on first contact unless a setting forbids it; it is then kept in memory
only, until it holds a lease. Ended sessions are refused for a day.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import final

from actors import suggestions
from actors.clock import Clock
from actors.errors import Code, Rejected
from actors.identity import SESSION_REGISTRY
from actors.ids import IdSource, valid_session_id
from actors.limits import NS
from actors.mailbox import Reply
from actors.ports import Journal, StorageError
from actors.record import Entry, Record, Settlement
from actors.registry.commands import CreateWorkspace, RegisterSession
from actors.registry.events import (
    RegistryEvent,
    SessionEnded,
    SessionRegistered,
    WorkspaceCreated,
)
from actors.registry.state import (
    SESSION_PREFIX,
    WORKSPACE_PREFIX,
    RegistryState,
    SessionState,
    WorkspaceState,
    evolve_registry,
)
from actors.settings import Settings


@final
class Registry:
    """Owns sessions and workspaces. Reads answer at once; writes are on disk when they return."""

    def __init__(self, journal: Journal, clock: Clock, ids: IdSource, settings: Settings) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._workspaces: dict[str, WorkspaceState] = {}
        self._by_root: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._sessions: dict[str, SessionState] = {}  # durable ones, ended ones too for a day
        self._visitors: OrderedDict[str, SessionState] = OrderedDict()  # in memory only
        self._seen_at_ns: dict[str, int] = {}  # of visitors
        self._latest: Entry | None = None
        self.on_ended: Callable[[str], None] = lambda _: None

    def restore(self, states: Iterable[RegistryState]) -> None:
        """Start from stored states."""
        for state in states:
            self._take(state)

    # --- workspaces -----------------------------------------------------------------------------

    def workspaces(self) -> list[WorkspaceState]:
        """All, in order of creation."""
        return list(self._workspaces.values())

    def workspace(self, workspace_id: str) -> WorkspaceState:
        """Raises: Rejected: WORKSPACE_NOT_FOUND."""
        found = self._workspaces.get(workspace_id)
        if found is None:
            raise workspace_not_found(workspace_id)
        return found

    def find_workspace(self, ref: str) -> WorkspaceState | None:
        """By id, name or absolute path, in this order; of equal names the first one."""
        ref = ref.strip()
        root = ref.rstrip("/") or ref
        found = self._workspaces.get(ref)
        if found is None:
            workspace_id = self._by_name.get(ref) or self._by_root.get(root)
            found = None if workspace_id is None else self._workspaces[workspace_id]
        return found

    async def create_workspace(self, command: CreateWorkspace) -> WorkspaceState:
        """A workspace for the directory; the one that it has already, if it has one."""
        known = self._by_root.get(command.root_dir)
        if known is not None:
            await self._on_disk(self._workspaces[known])
            return self._workspaces[known]
        now_ns = self._clock.now_ns()
        name = command.name or command.root_dir.rsplit("/", 1)[-1] or "root"
        address = f"{WORKSPACE_PREFIX}ws_{self._ids.suffix(now_ns)}"
        state = await self._write(address, None, WorkspaceCreated(command.root_dir, name))
        assert isinstance(state, WorkspaceState), "a workspace's event makes a workspace"
        return state

    # --- sessions -------------------------------------------------------------------------------

    def sessions(self) -> list[SessionState]:
        """All active ones, those that registered themselves too."""
        self._drop_idle_visitors()
        active = [session for session in self._sessions.values() if session.is_active]
        return [*active, *self._visitors.values()]

    def session(self, session_id: str) -> SessionState:
        """An active session. Raises: Rejected: SESSION_NOT_FOUND."""
        found = self._find(session_id)
        if found is None or not found.is_active:
            raise Rejected(
                Code.SESSION_NOT_FOUND,
                f"there is no active session {session_id}",
                "register one: POST /api/sessions",
                command=suggestions.list_sessions(),
                evidence={"session_id": session_id[:128]},
            )
        return found

    def known_session(self, session_id: str) -> SessionState | None:
        """The session, also if it was ended, no longer than a day ago."""
        self.is_ended(session_id)  # forgets one that ended long ago
        return self._find(session_id)

    def is_ended(self, session_id: str) -> bool:
        """Whether the session was ended, no longer than a day ago."""
        found = self._sessions.get(session_id)
        if found is None or found.ended_at_ns is None:
            return False
        if found.ended_at_ns + self._settings.ended_session_s * NS > self._clock.now_ns():
            return True
        del self._sessions[session_id]
        return False

    async def register_session(self, command: RegisterSession) -> SessionState:
        """Raises: Rejected: SESSION_EXISTS, WORKSPACE_NOT_FOUND."""
        if command.workspace_id is not None:
            self.workspace(command.workspace_id)
        session_id = command.id or f"sess-{self._ids.suffix(self._clock.now_ns())}"
        self.is_ended(session_id)  # forgets one that ended long ago
        if self._find(session_id) is not None:
            raise Rejected(
                Code.SESSION_EXISTS,
                f"the session id {session_id} is taken",
                "choose another id, or leave it out to have one made",
                pointer="/id",
            )
        event = SessionRegistered(
            agent_name=command.agent_name,
            name=command.name,
            workspace_id=command.workspace_id,
            channel=command.channel,
            capabilities=command.capabilities,
        )
        state = await self._write(SESSION_PREFIX + session_id, None, event)
        assert isinstance(state, SessionState), "a session's event makes a session"
        return state

    async def end_session(self, session_id: str) -> None:
        """End it; `on_ended` releases its leases. Raises: Rejected: SESSION_NOT_FOUND."""
        session = self.session(session_id)
        events: tuple[RegistryEvent, ...] = (SessionEnded(),)
        former: SessionState | None = session
        if self._visitors.pop(session_id, None) is not None:
            self._seen_at_ns.pop(session_id, None)
            former = None
            events = (_registration(session), SessionEnded())
        await self._write(SESSION_PREFIX + session_id, former, *events)
        self.on_ended(session_id)

    def identify(self, session_id: str, agent_name: str, workspace: str | None) -> SessionState:
        """The active session that a caller says it is; registers it on first contact.

        Args:
            workspace: what the workspace header names; None or blank is nothing.

        Raises:
            Rejected: an IDENTITY_ code, or SESSIONS_FULL.
        """
        session_id, agent_name = session_id.strip(), agent_name.strip()
        if not session_id or not agent_name:
            raise Rejected(
                Code.IDENTITY_REQUIRED,
                "both X-AGH-Session-ID and X-AGH-Agent are needed",
                "send both headers",
                area="agentidentity",
            )
        if self.is_ended(session_id):
            raise _stale(session_id, agent_name, "was ended")
        session = self._find(session_id)
        if session is None:
            session = self._first_contact(session_id, agent_name, workspace)
        elif session.agent_name != agent_name:
            raise Rejected(
                Code.IDENTITY_MISMATCH,
                f"session {session_id} belongs to another agent",
                "send the agent name that the session was registered with",
                area="agentidentity",
            )
        if workspace:
            named = self._workspace_id(workspace)
            if named is None or named != session.workspace_id:
                raise _unauthorized(session_id)
        if session_id in self._visitors:
            self._visitors.move_to_end(session_id)
            self._seen_at_ns[session_id] = self._clock.now_ns()
        return session

    def keep(self, session_id: str) -> None:
        """A visitor is about to get a lease: put it on disk. Others are left as they are.

        Raises:
            Rejected: STORAGE_FAILED.
        """
        session = self._visitors.pop(session_id, None)
        if session is not None:
            self._seen_at_ns.pop(session_id, None)
            self._append(SESSION_PREFIX + session_id, None, (_registration(session),))

    def _first_contact(
        self, session_id: str, agent_name: str, workspace: str | None
    ) -> SessionState:
        if not valid_session_id(session_id):
            why = "is no id: 1 to 128 of A-Z, a-z, 0-9, . _ : @ and -"
            raise _stale(session_id[:128], agent_name, why)
        if self._settings.require_registration:
            raise _stale(session_id, agent_name, "is not registered")
        workspace_id = self._workspace_id(workspace) if workspace else None
        if workspace and workspace_id is None:
            raise _unauthorized(session_id)
        self._drop_idle_visitors()
        if len(self._visitors) >= self._settings.max_self_registered:
            raise Rejected(
                Code.SESSIONS_FULL,
                f"{len(self._visitors)} sessions have registered themselves",
                "register the session: POST /api/sessions",
                command=suggestions.register_session(agent_name),
            )
        command = RegisterSession(agent_name=agent_name, workspace_id=workspace_id)
        now_ns = self._clock.now_ns()
        session = SessionState(
            id=session_id,
            agent_name=command.agent_name,
            name=None,
            workspace_id=workspace_id,
            channel=None,
            capabilities=(),
            self_registered=True,
            created_at_ns=now_ns,
            updated_at_ns=now_ns,
        )
        self._visitors[session_id] = session
        return session

    def _drop_idle_visitors(self) -> None:
        before_ns = self._clock.now_ns() - int(self._settings.self_registered_idle_s * NS)
        while self._visitors:
            oldest = next(iter(self._visitors))
            if self._seen_at_ns.get(oldest, 0) > before_ns:
                return
            del self._visitors[oldest]
            self._seen_at_ns.pop(oldest, None)

    def _workspace_id(self, ref: str) -> str | None:
        found = self.find_workspace(ref)
        return None if found is None else found.id

    def _find(self, session_id: str) -> SessionState | None:
        return self._sessions.get(session_id) or self._visitors.get(session_id)

    # --- writing --------------------------------------------------------------------------------

    async def _write(
        self, address: str, state: RegistryState | None, *events: RegistryEvent
    ) -> RegistryState:
        entry = self._append(address, state, events)
        reply: Reply[None] = Reply()
        entry.settlements.append(Settlement(lambda: reply.settle(None), reply.fail))
        await reply.wait()
        assert isinstance(entry.state, WorkspaceState | SessionState), f"{address} is no entry"
        return entry.state

    def _append(
        self, address: str, state: RegistryState | None, events: tuple[RegistryEvent, ...]
    ) -> Entry:
        now_ns = self._clock.now_ns()
        seq = self._journal.next_seq
        for number, event in enumerate(events, seq):
            state = evolve_registry(address, state, event, number, now_ns)
        assert state is not None, "a record has an event"
        record = Record(seq, self._ids.suffix(now_ns), now_ns, address, SESSION_REGISTRY, events)
        entry = Entry(record, state)
        try:
            self._journal.append(entry)
        except StorageError as error:
            raise Rejected(Code.STORAGE_FAILED, str(error), "try again later") from error
        self._latest = entry
        self._take(state)
        return entry

    async def _on_disk(self, state: RegistryState) -> None:
        """Return once a state that another call has just made is on disk."""
        entry = self._latest
        if entry is not None and state.last_seq > self._journal.durable_seq:
            reply: Reply[None] = Reply()
            entry.settlements.append(Settlement(lambda: reply.settle(None), reply.fail))
            await reply.wait()

    def _take(self, state: RegistryState) -> None:
        match state:
            case WorkspaceState():
                self._workspaces[state.id] = state
                self._by_root[state.root_dir] = state.id
                self._by_name.setdefault(state.name, state.id)
            case SessionState():
                self._sessions[state.id] = state


def workspace_not_found(ref: str) -> Rejected:
    return Rejected(
        Code.WORKSPACE_NOT_FOUND,
        f"there is no workspace {ref}",
        "create it: POST /api/workspaces with its root_dir",
        command=suggestions.create_workspace(ref),
        evidence={"workspace": ref[:200]},
    )


def _registration(session: SessionState) -> SessionRegistered:
    return SessionRegistered(
        agent_name=session.agent_name,
        name=session.name,
        workspace_id=session.workspace_id,
        channel=session.channel,
        capabilities=session.capabilities,
        self_registered=session.self_registered,
    )


def _stale(session_id: str, agent_name: str, why: str) -> Rejected:
    return Rejected(
        Code.IDENTITY_STALE,
        f"session {session_id} {why}",
        "register a new session: POST /api/sessions",
        command=suggestions.register_session(agent_name),
        area="agentidentity",
    )


def _unauthorized(session_id: str) -> Rejected:
    return Rejected(
        Code.IDENTITY_UNAUTHORIZED,
        f"session {session_id} does not belong to the workspace that the request names",
        "leave X-AGH-Workspace-ID out, or send the workspace of the session",
        area="agentidentity",
    )
