"""Who calls: an agent by its headers, else the local user."""

from typing import Final

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import LOCAL_USER, Caller, agent_actor, origin
from chargehand.actors.registry.state import SessionState
from chargehand.web.call import Call
from chargehand.web.headers import AGENT_HEADER, SESSION_HEADER, WORKSPACE_HEADER
from chargehand.web.idempotency import once_of
from chargehand.web.operations import Operation
from chargehand.web.preconditions import if_match_of

AREA = "agentidentity"


ANYBODYS: Final = frozenset(
    {
        Operation.GET_DASHBOARD,
        Operation.GET_HISTORY,
        Operation.CREATE_WORKSPACE,
        Operation.RESOLVE_WORKSPACE,
        Operation.LIST_WORKSPACES,
        Operation.GET_WORKSPACE,
        Operation.CREATE_SESSION,
        Operation.LIST_SESSIONS,
        Operation.GET_SESSION,
        Operation.END_SESSION,
        Operation.GET_WORKSPACE_SESSION,
        Operation.LIVENESS,
        Operation.READINESS,
        Operation.OPENAPI,
        Operation.DOCS,
    }
)
"""Operations that are the same whoever calls: they ignore the headers of agents."""

AGENTS_ONLY: Final = frozenset(
    operation for operation in Operation if operation.path.startswith("/api/agent/")
)
"""Operations of agents: without their headers nothing is done."""


async def authenticate(call: Call) -> None:
    """Find out who calls, before anything else of the request is looked at.

    Raises:
        Rejected: 401 or 403, where the headers name no session that may call.
    """
    if call.operation not in ANYBODYS:
        call.session = await _session_of(call)


async def _session_of(call: Call) -> SessionState | None:
    """The session that the headers name, registered on its first contact; None: a local user."""
    session_id = (call.headers.get(SESSION_HEADER) or "").strip()
    agent_name = (call.headers.get(AGENT_HEADER) or "").strip()
    if not session_id and not agent_name:
        return None
    if not session_id:
        raise _missing(SESSION_HEADER)
    if not agent_name:
        raise _missing(AGENT_HEADER)
    workspace = (call.headers.get(WORKSPACE_HEADER) or "").strip() or None
    if len(agent_name) > limits.NAME_CHARS_MAX:
        raise _required(f"{AGENT_HEADER} is longer than {limits.NAME_CHARS_MAX} characters")
    return await call.system.identify(session_id, agent_name, workspace)


def caller_of(call: Call, session: SessionState | None) -> Caller:
    """The principal of a call by `session`, or by the local user."""
    actor = LOCAL_USER if session is None else agent_actor(session.id)
    way = origin(call.transport, call.operation.action)
    return Caller(actor, way, once_of(call, actor), if_match_of(call))


def identify(call: Call) -> Caller:
    """The principal of a call that anyone may make."""
    return caller_of(call, call.session)


def require_session(call: Call) -> SessionState:
    """The session of a call that only agents may make."""
    session = call.session
    if session is None:
        raise _missing(SESSION_HEADER)
    return session


def require_agent(call: Call) -> Caller:
    """The principal of a call that only agents may make."""
    return caller_of(call, require_session(call))


def _missing(header: str) -> Rejected:
    return _required(f"the header {header} is required for agents")


def _required(message: str) -> Rejected:
    return Rejected(
        Code.IDENTITY_REQUIRED, message, f"send {SESSION_HEADER} and {AGENT_HEADER}", area=AREA
    )
