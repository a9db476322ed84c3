"""Why a caller is not the session, or a name not the workspace, that it says."""

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected

_AREA = "agentidentity"


def identity_required() -> Rejected:
    return Rejected(
        Code.IDENTITY_REQUIRED,
        "an agent is named by its session and its own name, and one of them is missing",
        "send both",
        area=_AREA,
    )


def identity_mismatch(session_id: str) -> Rejected:
    return Rejected(
        Code.IDENTITY_MISMATCH,
        f"session {session_id} belongs to another agent",
        "send the agent name that the session was registered with",
        area=_AREA,
    )


def session_stale(session_id: str, agent_name: str, why: str) -> Rejected:
    return Rejected(
        Code.IDENTITY_STALE,
        f"session {session_id} {why}",
        "register a new session:",
        action=actions.register_session(agent_name),
        area=_AREA,
    )


def session_ended(session_id: str, agent_name: str) -> Rejected:
    return session_stale(session_id, agent_name, "was ended")


def in_no_workspace(session_id: str, ref: str) -> Rejected:
    return Rejected(
        Code.IDENTITY_UNAUTHORIZED,
        f"session {session_id} cannot be of workspace {ref[:200]}: there is no such workspace",
        "name one that there is, or create it with its root_dir:",
        action=actions.create_workspace(ref),
        area=_AREA,
    )


def session_unauthorized(session_id: str) -> Rejected:
    return Rejected(
        Code.IDENTITY_UNAUTHORIZED,
        f"session {session_id} does not belong to the workspace that the request names",
        "name the workspace of the session, or none",
        area=_AREA,
    )


def session_not_found(session_id: str) -> Rejected:
    return Rejected(
        Code.SESSION_NOT_FOUND,
        f"there is no active session {session_id}",
        "look at those that are active:",
        action=actions.list_sessions(),
        evidence={"session_id": session_id[:128]},
    )


def session_exists(session_id: str) -> Rejected:
    return Rejected(
        Code.SESSION_EXISTS,
        f"the session id {session_id} is taken",
        "choose another id, or leave it out to have one made",
        pointer="/id",
    )


def sessions_full(count: int, agent_name: str) -> Rejected:
    return Rejected(
        Code.SESSIONS_FULL,
        f"{count} sessions have registered themselves",
        "register the session:",
        action=actions.register_session(agent_name),
    )


def workspace_not_found(ref: str) -> Rejected:
    return Rejected(
        Code.WORKSPACE_NOT_FOUND,
        f"there is no workspace {ref!r}",
        "create it with its root_dir:",
        action=actions.create_workspace(ref),
        evidence={"workspace": ref[:200]},
    )
