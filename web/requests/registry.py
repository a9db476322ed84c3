"""Bodies of the operations on workspaces and sessions."""

from typing import final

from chargehand.actors.frozen import frozen


@final
@frozen
class CreateWorkspaceRequest:
    root_dir: str
    name: str | None = None


@final
@frozen
class ResolveWorkspaceRequest:
    path: str


@final
@frozen
class CreateSessionRequest:
    agent_name: str
    id: str | None = None
    name: str | None = None
    workspace: str | None = None
    channel: str | None = None
    capabilities: tuple[str, ...] = ()
