"""Filters that several commands have."""

from typing import Final

from chargehand.actors.task.choices import OwnerKind, ReviewStatus, Scope
from chargehand.web.cli.members import CURSOR, LIMIT, WORKSPACE, Field, Members, one_of

SCOPE_FILTERS: Final = (Field("scope", "of one workspace, or global", one_of(Scope)), WORKSPACE)
OWNER_FILTERS: Final = (
    Field("owner_kind", "kind of owner", one_of(OwnerKind)),
    Field("owner_ref", "owner's name"),
)
REVIEW_FILTERS: Final = (
    Field("status", "status", one_of(ReviewStatus)),
    Field("reviewer_session_id", "those that a session has judged", flag="reviewer"),
    LIMIT,
    CURSOR,
)


def scoped_by_workspace(members: Members) -> None:
    """What names a workspace is in it."""
    if "workspace" in members:
        members.setdefault("scope", Scope.WORKSPACE.value)
