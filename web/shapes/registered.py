"""Sessions and workspaces, in the shapes that clients know them by."""

from typing import Final, final

from attrs import define

from chargehand.actors.registry.state import SessionState, WorkspaceState
from chargehand.web.shapes.encoding import Shape, rfc3339

PROVIDER: Final = "external"  # sessions run outside of this server


@final
@define(eq=False)
class Workspace(Shape):
    id: str
    root_dir: str
    name: str
    created_at: str
    updated_at: str


@final
@define(eq=False)
class WorkspaceResponse(Shape):
    workspace: Workspace


@final
@define(eq=False)
class WorkspacesResponse(Shape):
    workspaces: list[Workspace]


@final
@define(eq=False)
class RegisteredSession(Shape):
    """With more than the `Session` of a run's detail."""

    id: str
    agent_name: str
    provider: str
    type: str
    state: str
    created_at: str
    updated_at: str
    name: str | None = None
    workspace_id: str | None = None
    workspace_path: str | None = None
    channel: str | None = None
    capabilities: tuple[str, ...] = ()
    waiting_claims: int = 0


@final
@define(eq=False)
class SessionResponse(Shape):
    session: RegisteredSession


@final
@define(eq=False)
class SessionsResponse(Shape):
    sessions: list[RegisteredSession]


def workspace_of(workspace: WorkspaceState) -> Workspace:
    """A workspace never changes, so it was updated when it was created."""
    created_at = rfc3339(workspace.created_at_ns)
    return Workspace(workspace.id, workspace.root_dir, workspace.name, created_at, created_at)


def session_of(
    session: SessionState, workspace_path: str | None, waiting_claims: int = 0
) -> RegisteredSession:
    """Args: waiting_claims: how many claims of the session wait for a run now."""
    return RegisteredSession(
        id=session.id,
        agent_name=session.agent_name,
        provider=PROVIDER,
        type="user",
        state="active" if session.is_active else "stopped",
        created_at=rfc3339(session.created_at_ns),
        updated_at=rfc3339(session.updated_at_ns),
        name=session.name,
        workspace_id=session.workspace_id,
        workspace_path=workspace_path,
        channel=session.channel,
        capabilities=session.capabilities,
        waiting_claims=waiting_claims,
    )
