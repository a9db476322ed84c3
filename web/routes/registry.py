"""Workspaces and sessions. Identity headers are not looked at: these operations make identities."""

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.registry.commands import CreateWorkspace, RegisterSession
from chargehand.actors.registry.refusals import workspace_not_found
from chargehand.actors.registry.state import SessionState
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.pointers import called
from chargehand.web.requests.registry import (
    CreateSessionRequest,
    CreateWorkspaceRequest,
    ResolveWorkspaceRequest,
)
from chargehand.web.responses import EMPTY, HttpResponse, shown
from chargehand.web.shapes.registered import (
    RegisteredSession,
    SessionResponse,
    SessionsResponse,
    WorkspaceResponse,
    WorkspacesResponse,
    session_of,
    workspace_of,
)


async def create_workspace(call: Call) -> HttpResponse:
    body = call.decode(CreateWorkspaceRequest)
    command = CreateWorkspace(body.root_dir, body.name)
    workspace = await call.system.registry.create_workspace(command, identify(call).once)
    return shown(201, WorkspaceResponse(workspace_of(workspace)))


async def resolve_workspace(call: Call) -> HttpResponse:
    body = call.decode(ResolveWorkspaceRequest)
    with called("/path", "/root_dir"):
        command = CreateWorkspace(body.path)
    workspace = await call.system.registry.create_workspace(command, identify(call).once)
    return shown(200, WorkspaceResponse(workspace_of(workspace)))


async def list_workspaces(call: Call) -> HttpResponse:
    found = call.system.roster.workspaces()
    return shown(200, WorkspacesResponse([workspace_of(workspace) for workspace in found]))


async def get_workspace(call: Call) -> HttpResponse:
    workspace = call.system.roster.workspace(call.ids["id"].strip())
    return shown(200, WorkspaceResponse(workspace_of(workspace)))


async def create_session(call: Call) -> HttpResponse:
    body = call.decode(CreateSessionRequest)
    with called("/channel", "/network_channel"):
        command = RegisterSession(
            agent_name=body.agent_name,
            id=body.id,
            name=body.name,
            workspace_id=_workspace_id(call, body.workspace),
            channel=body.channel,
            capabilities=body.capabilities,
        )
    session = await call.system.registry.register_session(command, identify(call).once)
    return shown(201, SessionResponse(_shown(call, session)))


def _workspace_id(call: Call, ref: str | None) -> str | None:
    if not ref:
        return None
    workspace = call.system.roster.find_workspace(ref)
    if workspace is None:
        raise workspace_not_found(ref)
    return workspace.id


def _shown(call: Call, session: SessionState, waiting_claims: int = 0) -> RegisteredSession:
    """Without its path where the workspace is set aside: the session itself is sound."""
    return session_of(session, call.system.roster.root_dir_of(session), waiting_claims)


async def list_sessions(call: Call) -> HttpResponse:
    waiting = await call.system.scheduler.waiting_claims()
    found = call.system.roster.sessions()
    rows = [_shown(call, session, waiting.get(session.id, 0)) for session in found]
    return shown(200, SessionsResponse(rows))


async def get_session(call: Call) -> HttpResponse:
    return await _one(call, call.system.roster.session(call.ids["id"].strip()))


async def get_workspace_session(call: Call) -> HttpResponse:
    workspace = call.system.roster.workspace(call.ids["id"].strip())
    session = call.system.roster.session(call.ids["session_id"].strip())
    if session.workspace_id != workspace.id:
        raise Rejected(
            Code.SESSION_NOT_FOUND,
            f"session {session.id} is none of workspace {workspace.id}",
            "look at the sessions of GET /api/sessions",
        )
    return await _one(call, session)


async def _one(call: Call, session: SessionState) -> HttpResponse:
    waiting = await call.system.scheduler.waiting_claims()
    return shown(200, SessionResponse(_shown(call, session, waiting.get(session.id, 0))))


async def end_session(call: Call) -> HttpResponse:
    await call.system.end_session(call.ids["id"].strip(), identify(call).once)
    return EMPTY


ROUTES: Routes = {
    Operation.CREATE_WORKSPACE: create_workspace,
    Operation.RESOLVE_WORKSPACE: resolve_workspace,
    Operation.LIST_WORKSPACES: list_workspaces,
    Operation.GET_WORKSPACE: get_workspace,
    Operation.CREATE_SESSION: create_session,
    Operation.LIST_SESSIONS: list_sessions,
    Operation.GET_SESSION: get_session,
    Operation.END_SESSION: end_session,
    Operation.GET_WORKSPACE_SESSION: get_workspace_session,
}
