"""Query parameters that several lists have in common: scope and workspace, and the channel."""

from chargehand.actors.errors import invalid
from chargehand.actors.registry.refusals import workspace_not_found
from chargehand.actors.task import validation as valid
from chargehand.actors.task.state import Scope
from chargehand.web import queries
from chargehand.web.call import Call
from chargehand.web.pointers import called


def scope_and_workspace(
    call: Call, *, needs_scope: bool = False
) -> tuple[Scope | None, str | None]:
    """The scope that is asked for, and the id of the workspace.

    Args:
        needs_scope: a workspace may not be named without the scope that it stands for.

    Raises:
        Rejected: they do not go together, or there is no such workspace.
    """
    scope = queries.choice(call.query, "scope", Scope)
    ref = queries.text(call.query, "workspace")
    if scope is Scope.GLOBAL and ref is not None:
        raise invalid("?workspace", "global tasks have no workspace", "leave one of both out")
    if scope is Scope.WORKSPACE and ref is None:
        raise invalid("?workspace", "the scope workspace needs a workspace", "name the workspace")
    if needs_scope and scope is None and ref is not None:
        raise invalid("?scope", "a workspace needs its scope", "add scope=workspace")
    return scope, None if ref is None else workspace_id(call, ref)


def workspace_id(call: Call, ref: str) -> str:
    """Raises: Rejected: WORKSPACE_NOT_FOUND."""
    workspace = call.system.roster.find_workspace(ref)
    if workspace is None:
        raise workspace_not_found(ref)
    return workspace.id


def network_channel(call: Call) -> str | None:
    """Raises: Rejected: it can be no channel."""
    with called("?network_channel", "/network_channel"):
        return valid.channel(queries.text(call.query, "network_channel"))
