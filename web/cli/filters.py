"""Filters that several commands have."""

from typing import Final

from chargehand.actors.task.choices import (
    ApprovalState,
    FailureKind,
    OwnerKind,
    Priority,
    ReviewStatus,
    RunStatus,
    Scope,
    TaskStatus,
)
from chargehand.actors.views.choices import RunGroup
from chargehand.web.cli.members import (
    CHANNEL,
    CURSOR,
    ID,
    LIMIT,
    WORKSPACE,
    Field,
    Form,
    Members,
    one_of,
)

SCOPE_FILTERS: Final = (Field("scope", "of one workspace, or global", one_of(Scope)), WORKSPACE)
OWNER_FILTERS: Final = (
    Field("owner_kind", "kind of owner", one_of(OwnerKind)),
    Field("owner_ref", "owner's name"),
)
TASK_FILTERS: Final = (
    Field("status", "status", one_of(TaskStatus)),
    *SCOPE_FILTERS,
    Field("priority", "how urgent", one_of(Priority)),
    Field("include_drafts", "drafts too", form=Form.FLAG, flag="drafts"),
    Field("approval_state", "state of the approval", one_of(ApprovalState)),
    *OWNER_FILTERS,
    Field("parent_task_id", "children of this task", flag="parent"),
    CHANNEL,
    Field("query", "a text in title, identifier or id"),
)
RUN_FILTERS: Final = (
    Field("status", "status; may be repeated", one_of(RunStatus, RunGroup), form=Form.LIST),
    Field("session_id", "only those of this session", flag="of-session"),
    Field("agent_name", "only those of this agent's sessions", flag="of-agent"),
    Field("task_id", "only those of this task", ID, flag="task"),
    *SCOPE_FILTERS,
    Field("failure_kind", "how they failed", one_of(FailureKind)),
    Field("since", "those that came into their status then or later"),
    Field("until", "and before that, as 2027-01-31T12:00:00Z"),
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
