"""Whether requests can be answered by way of this node, and if not, why."""

from http import HTTPStatus

from chargehand.persistence.replicated.node import Active
from chargehand.web.cluster.agreement import Agreement
from chargehand.web.cluster.roles import Roles


def readiness(
    roles: Roles, agreement: Agreement, *, wants_active: bool
) -> tuple[HTTPStatus, dict[str, object]]:
    """The answer to a probe. Args: wants_active: which is for the active node alone."""
    reason = None if roles.is_active else _reason(roles, agreement)
    if reason is None and wants_active and not roles.is_active:
        reason = "this node is not the active one"
    standing = roles.standing()
    shown: dict[str, object] = {
        "status": "ready" if reason is None else "not ready",
        "role": standing.role,
        "active": standing.active,
        "epoch": standing.epoch,
        "lag_records": standing.lag_records,
    }
    if reason is not None:
        shown["reason"] = reason
    return HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE, shown


def _reason(roles: Roles, agreement: Agreement) -> str | None:
    """Why this node has nobody answer; None: the active one does."""
    known = agreement.reason or roles.trouble
    if known is not None:
        return known
    member, name = roles.member, roles.name_of_active
    if member is not None and isinstance(member.node, Active):
        if roles.role == "unconfirmed":
            return "the database does not confirm that this node is the active one"
        return "this node becomes the active one, and reads what it needs for that"
    if name is None:
        return "no node is active"
    if roles.elsewhere is None:
        return (
            f"this node was active before it was started anew: one takes over in "
            f"{roles.ttl_s:g} s at most"
        )
    still_s = roles.still_s
    if still_s is not None:
        return f"{name}, which is active, has had nothing confirmed for {still_s:.0f} s"
    return None
