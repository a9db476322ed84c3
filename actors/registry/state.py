"""What a workspace and a session are. Each has an address of its own in the journal."""

from typing import final

from chargehand.actors.frozen import frozen, replace
from chargehand.actors.registry.events import (
    RegistryEvent,
    SessionEnded,
    SessionForgotten,
    SessionRegistered,
    WorkspaceCreated,
)

WORKSPACE_PREFIX = "@workspace/"
SESSION_PREFIX = "@session/"


@final
@frozen
class WorkspaceState:
    id: str
    root_dir: str
    name: str
    created_at_ns: int
    last_seq: int = 0


@final
@frozen
class SessionState:
    """A session is active until it is ended; then its id is refused for a day, and forgotten.

    `last_seq` is 0 while the session is in memory only.
    """

    id: str
    agent_name: str
    name: str | None
    workspace_id: str | None
    channel: str | None
    capabilities: tuple[str, ...]
    self_registered: bool
    created_at_ns: int
    updated_at_ns: int
    ended_at_ns: int | None = None
    last_seq: int = 0
    forgotten: bool = False

    @property
    def is_active(self) -> bool:
        return self.ended_at_ns is None and not self.forgotten


RegistryState = WorkspaceState | SessionState


def evolve_registry(
    address: str, state: RegistryState | None, event: RegistryEvent, seq: int, at_ns: int
) -> RegistryState:
    """Fold one event into the entry at `address`."""
    match event:
        case WorkspaceCreated(root_dir=root_dir, name=name):
            return WorkspaceState(
                address.removeprefix(WORKSPACE_PREFIX), root_dir, name, at_ns, last_seq=seq
            )
        case SessionRegistered():
            return SessionState(
                id=address.removeprefix(SESSION_PREFIX),
                agent_name=event.agent_name,
                name=event.name,
                workspace_id=event.workspace_id,
                channel=event.channel,
                capabilities=event.capabilities,
                self_registered=event.self_registered,
                created_at_ns=at_ns,
                updated_at_ns=at_ns,
                last_seq=seq,
            )
        case SessionEnded():
            assert isinstance(state, SessionState), f"{address} was never registered"
            return replace(state, ended_at_ns=at_ns, updated_at_ns=at_ns, last_seq=seq)
        case SessionForgotten():
            assert isinstance(state, SessionState), f"{address} was never registered"
            return replace(state, updated_at_ns=at_ns, last_seq=seq, forgotten=True)
