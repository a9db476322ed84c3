"""Diagnostics of a task and its run: troubles, and what holds work back."""

from collections.abc import Mapping
from enum import Enum
from typing import final

from chargehand.actors.actions import Action
from chargehand.actors.errors import Severity
from chargehand.actors.frozen import frozen


class Trouble(Enum):
    """What has gone wrong with a run: (code, severity, title)."""

    STUCK = ("task_run_stuck", Severity.WARN, "Run is stuck")
    STALE_LEASE = ("task_run_stale_lease", Severity.ERROR, "Lease has run out")
    ORPHAN = ("task_run_orphan", Severity.ERROR, "Session of the run is gone")
    CRASHED = ("task_run_crashed", Severity.ERROR, "Run has failed")
    NEEDS_ATTENTION = ("task_run_needs_attention", Severity.WARN, "Run needs attention")
    WITHOUT_LEASE = ("run_without_lease", Severity.WARN, "Nobody touches the run")
    STRANDED = ("task_run_stranded", Severity.WARN, "Nobody can claim the run")

    def __init__(self, code: str, severity: Severity, title: str) -> None:
        self.code = code
        self.severity = severity
        self.title = title


class Hold(Enum):
    """Why an agent is not given the work of a task now, though nothing is wrong: (code, title)."""

    DRAFT = ("task_draft", "Task is a draft")
    AWAITS_APPROVAL = ("task_awaiting_approval", "Approval is missing")
    REJECTED = ("task_approval_rejected", "Approval was refused")
    AWAITS_DEPENDENCIES = ("task_awaiting_dependencies", "Dependencies are not completed")
    AWAITS_REVIEW = ("task_awaiting_review", "A required review has not approved the work")
    LOST_BLOCKER = ("task_dependency_deleted_undone", "A dependency was deleted undone")
    PAUSED = ("task_paused", "Task is paused")
    SCHEDULER_PAUSED = ("scheduler_paused", "Scheduler is paused")
    OWNED = ("task_owned_by_person", "Task is for its owner alone")
    NO_TAKER = ("task_run_without_taker", "No registered session could claim the run")
    NO_RUN = ("task_without_run", "No run is queued")

    def __init__(self, code: str, title: str) -> None:
        self.code = code
        self.title = title

    @property
    def severity(self) -> Severity:
        return Severity.INFO


@final
@frozen
class Diagnostic:
    """`evidence` is what this one adds to the facts of the task and its run."""

    about: Trouble | Hold
    message: str
    action: Action
    evidence: Mapping[str, str | int | bool]
