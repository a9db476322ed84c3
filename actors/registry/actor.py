"""The registry's actor: registers workspaces and sessions, ends sessions, and forgets them in time.

It decides on what it has appended, so two requests for one id never both pass; its answers wait
until that is on disk. What was committed everybody reads from the `roster`. A session registers
itself on first contact unless a setting forbids it; it is then a visitor, in memory only, until it
gets its first run.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar, final

import trio

from chargehand.actors import limits
from chargehand.actors.asking import Turn, ask, ask_or_pause
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.idempotency.once import Done, Once
from chargehand.actors.identity import SESSION_REGISTRY
from chargehand.actors.ids import IdSource, valid_session_id
from chargehand.actors.index import rows_of
from chargehand.actors.limits import NS
from chargehand.actors.mailbox import Mailbox, Reply
from chargehand.actors.ports import Journal, StorageError
from chargehand.actors.record import Entry, Record, Settlement
from chargehand.actors.registry.commands import CreateWorkspace, RegisterSession
from chargehand.actors.registry.events import (
    RegistryEvent,
    SessionEnded,
    SessionForgotten,
    SessionRegistered,
    WorkspaceCreated,
)
from chargehand.actors.registry.refusals import (
    in_no_workspace,
    session_ended,
    session_exists,
    session_not_found,
    session_stale,
    sessions_full,
)
from chargehand.actors.registry.roster import Roster
from chargehand.actors.registry.session_expiry import SessionExpiry
from chargehand.actors.registry.state import (
    SESSION_PREFIX,
    WORKSPACE_PREFIX,
    RegistryState,
    SessionState,
    WorkspaceState,
    evolve_registry,
)
from chargehand.actors.settings import Settings

_R = TypeVar("_R")
Busy = Callable[[str, Callable[[bool], None]], None]

_log = logging.getLogger("chargehand.actors")


@final
class Registry:
    """Owns sessions and workspaces. Every method may be called and abandoned at any time.

    Args:
        roster: what others read; this actor keeps its visitors there.
        busy: asks whether a session has work or waits for some; the answer goes to the callback.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: IdSource,
        settings: Settings,
        roster: Roster,
        keys: Keys,
        faults: Faults,
        busy: Busy,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._roster = roster
        self._keys = keys
        self._faults = faults
        self._busy = busy
        self._mailbox: Mailbox[Turn] = Mailbox(settings.max_claimers)
        self._unwritten: dict[str, RegistryState] = {}  # appended and not committed, by address
        self._session_expiry = SessionExpiry(clock, settings, roster)

    # --- callers --------------------------------------------------------------------------------

    async def create_workspace(
        self, command: CreateWorkspace, once: Once | None = None
    ) -> WorkspaceState:
        """A workspace for the directory; the one that it has already, if it has one."""
        return await self._ask(partial(self._create_workspace, command, once))

    async def register_session(
        self, command: RegisterSession, once: Once | None = None
    ) -> SessionState:
        """Raises: Rejected: SESSION_EXISTS, WORKSPACE_NOT_FOUND."""
        return await self._ask(partial(self._register, command, once))

    async def end_session(self, session_id: str, once: Once | None = None) -> None:
        """On disk when it returns; its runs are released because of that, whoever waits.

        Raises:
            Rejected: SESSION_NOT_FOUND.
        """
        await self._ask(partial(self._end, session_id, once))

    async def admit(self, session_id: str, agent_name: str, workspace: str | None) -> SessionState:
        """A session on its first contact, which registers it as a visitor.

        Args:
            workspace: what the workspace header names; None or blank is nothing.

        Raises:
            Rejected: an IDENTITY_ code, or SESSIONS_FULL.
        """
        return await self._ask(partial(self._admit, session_id, agent_name, workspace))

    def saw(self, session_id: str) -> None:
        """A session has called. Noted once a second at most."""
        seen_ns = self._roster.seen_at_ns(session_id)
        if seen_ns is not None and self._clock.steady_ns() - seen_ns >= limits.SIGHTING_S * NS:
            self._mailbox.push(lambda: self._roster.saw(session_id))

    def keep(self, session: SessionState, then: Turn, refused: Callable[[Rejected], None]) -> None:
        """A session that may be a visitor is about to get a run: its registration goes into the
        journal before `then` is called, which is to bring the claim."""
        self._mailbox.push(lambda: self._keep(session, then, refused))

    async def _ask(self, begin: Callable[[Reply[_R]], None]) -> _R:
        return await ask(self._mailbox.send_nowait, begin, self._journal.when_durable)

    # --- the loop -------------------------------------------------------------------------------

    def restore(self) -> None:
        """After the roster was: look at each stored session when its time has come."""
        for session in self._roster.stored_sessions():
            self._session_expiry.watch(session)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Handle messages, and forget what is over, until canceled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            task_status.started()
            while True:
                batch = await self._mailbox.receive(limits.BATCH_MAX)
                self._forget_written()  # or this batch would see what a later record has replaced
                for turn in batch:
                    try:
                        turn()
                    except Exception:
                        _log.exception("the registry failed on a message, and goes on")
                await self._journal.wait_room()

    async def _watch(self) -> None:
        """Have sessions looked at when they may have lapsed."""
        while True:
            await self._session_expiry.wait_due()
            await ask_or_pause(self._mailbox.push, self._look)

    # --- workspaces -----------------------------------------------------------------------------

    def _create_workspace(
        self, command: CreateWorkspace, once: Once | None, reply: Reply[WorkspaceState]
    ) -> None:
        self._keys.find(once)  # the workspace of an equal request is found by its directory
        known = self._workspace_at(command.root_dir)
        if known is not None:
            self._journal.when_durable(Settlement(partial(reply.settle, known), reply.fail))
            return
        now_ns = self._clock.now_ns()
        address = f"{WORKSPACE_PREFIX}ws_{self._ids.suffix(now_ns)}"
        name = command.name or command.root_dir.rsplit("/", 1)[-1] or "root"
        made = self._append(address, None, WorkspaceCreated(command.root_dir, name), once=once)
        assert isinstance(made.state, WorkspaceState), "a workspace's event makes a workspace"
        made.settlements.append(Settlement(partial(reply.settle, made.state), reply.fail))

    def _workspace_at(self, root_dir: str) -> WorkspaceState | None:
        for state in self._unwritten.values():
            if isinstance(state, WorkspaceState) and state.root_dir == root_dir:
                return state
        return self._roster.workspace_at(root_dir)

    # --- sessions -------------------------------------------------------------------------------

    def _register(
        self, command: RegisterSession, once: Once | None, reply: Reply[SessionState]
    ) -> None:
        earlier = self._keys.find(once)
        if earlier is not None:
            session_id = earlier.address.removeprefix(SESSION_PREFIX)
            session = self._find(session_id)
            if session is None or not session.is_active:
                raise session_not_found(session_id)
            self._journal.when_durable(Settlement(partial(reply.settle, session), reply.fail))
            return
        if command.workspace_id is not None:
            self._roster.workspace(command.workspace_id)
        session_id = command.id or f"sess-{self._ids.suffix(self._clock.now_ns())}"
        self._faults.check(SESSION_PREFIX + session_id)
        known = self._find(session_id)
        if known is not None and not known.forgotten:
            raise session_exists(session_id)
        event = SessionRegistered(
            agent_name=command.agent_name,
            name=command.name,
            workspace_id=command.workspace_id,
            channel=command.channel,
            capabilities=command.capabilities,
        )
        made = self._append(SESSION_PREFIX + session_id, None, event, once=once)
        assert isinstance(made.state, SessionState), "a session's event makes a session"
        made.settlements.append(Settlement(partial(reply.settle, made.state), reply.fail))

    def _end(self, session_id: str, once: Once | None, reply: Reply[None]) -> None:
        if self._keys.find(once) is not None:
            self._journal.when_durable(Settlement(partial(reply.settle, None), reply.fail))
            return
        self._faults.check(SESSION_PREFIX + session_id)
        session = self._find(session_id)
        if session is None or not session.is_active:
            raise session_not_found(session_id)
        if self._is_written(session):
            entry = self._append(SESSION_PREFIX + session_id, session, SessionEnded(), once=once)
        else:
            registration = _registration(session)
            entry = self._append(
                SESSION_PREFIX + session_id, None, registration, SessionEnded(), once=once
            )
        assert isinstance(entry.state, SessionState), "a session's event leaves a session"
        self._session_expiry.watch(entry.state)
        entry.settlements.append(Settlement(partial(reply.settle, None), reply.fail))

    def _admit(
        self, session_id: str, agent_name: str, workspace: str | None, reply: Reply[SessionState]
    ) -> None:
        known = self._roster.identify(session_id, agent_name, workspace)
        if known is not None:  # two calls of a session made its first contact
            reply.settle(known)
            return
        if not valid_session_id(session_id):
            why = "is no id: 1 to 128 of A-Z, a-z, 0-9, . _ : @ and -"
            raise session_stale(session_id[:128], agent_name, why)
        if self._settings.require_registration:
            raise session_stale(session_id, agent_name, "is not registered")
        named = self._roster.find_workspace(workspace) if workspace else None
        if workspace and named is None:
            raise in_no_workspace(session_id, workspace)
        if self._roster.visitor_count >= self._settings.max_self_registered:
            raise sessions_full(self._roster.visitor_count, agent_name)
        now_ns = self._clock.now_ns()
        visitor = SessionState(
            id=session_id,
            agent_name=RegisterSession(agent_name=agent_name).agent_name,
            name=None,
            workspace_id=None if named is None else named.id,
            channel=None,
            capabilities=(),
            self_registered=True,
            created_at_ns=now_ns,
            updated_at_ns=now_ns,
        )
        self._roster.admit(visitor)
        self._session_expiry.watch(visitor)
        reply.settle(visitor)

    def _keep(self, session: SessionState, then: Turn, refused: Callable[[Rejected], None]) -> None:
        known = self._find(session.id)
        if known is not None and known.ended_at_ns is not None:
            refused(session_ended(session.id, session.agent_name))
            return
        if known is None or known.forgotten or not self._is_written(known):
            try:
                made = self._append(SESSION_PREFIX + session.id, None, _registration(session))
            except Rejected as refusal:
                refused(refusal)
                return
            assert isinstance(made.state, SessionState), "a session's event makes a session"
            self._session_expiry.watch(made.state)
        then()

    def _find(self, session_id: str) -> SessionState | None:
        """The session as of the latest record, or as a visitor; None where its id is free."""
        return self._latest(session_id) or self._roster.find(session_id)

    def _held(self, session_id: str) -> SessionState | None:
        """The same, and one that has ended long ago, until it is forgotten."""
        return self._latest(session_id) or self._roster.held(session_id)

    def _latest(self, session_id: str) -> SessionState | None:
        """What was written of it and not committed yet."""
        latest = self._unwritten.get(SESSION_PREFIX + session_id)
        return latest if isinstance(latest, SessionState) else None

    def _is_written(self, session: SessionState) -> bool:
        """Whether it is in the journal: no visitor."""
        return session.last_seq > 0

    # --- forgetting -----------------------------------------------------------------------------

    def _look(self, reply: Reply[None]) -> None:
        for session_id in self._session_expiry.take_due():
            session = self._held(session_id)
            if session is not None:
                try:
                    self._look_at(session)
                except Exception:
                    _log.exception("the registry failed to look at a session, and goes on")
                    self._session_expiry.try_again(session_id)
        reply.settle(None)

    def _look_at(self, session: SessionState) -> None:
        """Forget what ended long ago, and what registered itself and has gone without a word."""
        if session.forgotten:
            return
        if session.ended_at_ns is not None:
            self._forget(session)
        elif not session.self_registered:
            return
        elif not self._session_expiry.is_idle(session):
            self._session_expiry.watch(session)
        elif not self._is_written(session):
            self._roster.dismiss(session.id)
        else:
            self._busy(session.id, partial(self._found_idle, session.id))

    def _found_idle(self, session_id: str, busy: bool) -> None:
        """What the scheduler says of an idle session: whether it has a run, or waits for one."""
        self._mailbox.push(lambda: self._decide_on(session_id, busy))

    def _decide_on(self, session_id: str, busy: bool) -> None:
        session = self._held(session_id)
        if session is None or not session.is_active:
            return
        if busy or not self._session_expiry.is_idle(session):
            self._session_expiry.watch(session)
        else:
            self._forget(session)

    def _forget(self, session: SessionState) -> None:
        try:
            self._append(SESSION_PREFIX + session.id, session, SessionForgotten())
        except Rejected as refusal:
            _log.warning("session %s is not forgotten yet: %s", session.id, refusal)
            self._session_expiry.try_again(session.id)

    # --- writing --------------------------------------------------------------------------------

    def _append(
        self,
        address: str,
        state: RegistryState | None,
        *events: RegistryEvent,
        once: Once | None = None,
    ) -> Entry:
        """Raises: Rejected: STORAGE_FAILED; nothing was taken then."""
        now_ns = self._clock.now_ns()
        seq = self._journal.next_seq
        for number, event in enumerate(events, seq):
            state = evolve_registry(address, state, event, number, now_ns)
        assert state is not None, "a record has an event"
        record = Record(
            seq,
            self._ids.suffix(now_ns),
            now_ns,
            address,
            SESSION_REGISTRY,
            events,
            done=None if once is None else Done(once),
        )
        entry = Entry(record, state, rows_of(record))
        try:
            self._journal.append(entry)
        except StorageError as error:
            raise Rejected(Code.STORAGE_FAILED, str(error), "try again later") from error
        self._unwritten[address] = state
        return entry

    def _forget_written(self) -> None:
        """What was committed is in the roster."""
        durable_seq = self._journal.durable_seq
        for address in [a for a, state in self._unwritten.items() if state.last_seq <= durable_seq]:
            del self._unwritten[address]


def _registration(session: SessionState) -> SessionRegistered:
    return SessionRegistered(
        agent_name=session.agent_name,
        name=session.name,
        workspace_id=session.workspace_id,
        channel=session.channel,
        capabilities=session.capabilities,
        self_registered=session.self_registered,
    )
