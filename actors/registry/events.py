"""What happened to a workspace or a session."""

from typing import ClassVar, final

from chargehand.actors.frozen import frozen


@final
@frozen
class WorkspaceCreated:
    type: ClassVar[str] = "workspace.created"
    root_dir: str
    name: str


@final
@frozen
class SessionRegistered:
    type: ClassVar[str] = "session.registered"
    agent_name: str
    name: str | None = None
    workspace_id: str | None = None
    channel: str | None = None
    capabilities: tuple[str, ...] = ()
    self_registered: bool = False


@final
@frozen
class SessionEnded:
    type: ClassVar[str] = "session.ended"


@final
@frozen
class SessionForgotten:
    """Its id is free again, and nothing of the session is kept."""

    type: ClassVar[str] = "session.forgotten"


RegistryEvent = WorkspaceCreated | SessionRegistered | SessionEnded | SessionForgotten
