"""Columns of the things that several commands show."""

from typing import Final

from chargehand.web.cli.shown import Card, Column, Listing, Worth

_KEPT, _CUT, _BELOW = Worth.KEPT, Worth.CUT, Worth.BELOW

TASK_COLUMNS: Final = (
    Column("ID", "id", _KEPT),
    Column("STATUS", "status", _KEPT),
    Column("TITLE", "title", _CUT),
    Column("PRIORITY", "priority"),
    Column("PAUSED", "effective_paused"),
    Column("OWNER", "owner"),
)
RUN_COLUMNS: Final = (
    Column("ID", "id", _KEPT),
    Column("STATUS", "status", _KEPT),
    Column("ATTEMPT", "attempt"),
    Column("ERROR", "error", _CUT),
    Column("LEASE UNTIL", "lease_until"),
    Column("SESSION", "session_id", _BELOW),
    Column("QUEUED AT", "queued_at"),
)
SESSION_COLUMNS: Final = (
    Column("ID", "id", _KEPT),
    Column("AGENT", "agent_name", _KEPT),
    Column("STATE", "state"),
    Column("WORKSPACE", "workspace_id", _BELOW),
    Column("CHANNEL", "channel"),
    Column("CAPABILITIES", "capabilities"),
    Column("WAITING", "waiting_claims"),
)
WORKSPACE_COLUMNS: Final = (
    Column("ID", "id", _KEPT),
    Column("NAME", "name", _KEPT),
    Column("DIRECTORY", "root_dir", _CUT),
)
# Both ids are needed for a verdict, and fill most of a line of 80 letters.
REVIEW_COLUMNS: Final = (
    Column("REVIEW", "review_id", _KEPT),
    Column("RUN", "run_id", _KEPT),
    Column("STATUS", "outcome", _KEPT, or_else="status"),
    Column("DEADLINE", "deadline_at"),
    Column("ROUND", "review_round"),
    Column("REASON", "reason", _CUT),
)
# Three ids of a row fill a line and more: the task's is below where there is no room.
ALL_RUNS_COLUMNS: Final = (
    Column("RUN", "run.id", _KEPT),
    Column("STATUS", "run.status", _KEPT),
    Column("TITLE", "task.title", _CUT),
    Column("TASK", "task.id", _BELOW),
    Column("ERROR", "run.error", _CUT),
    Column("ATTEMPT", "run.attempt"),
    Column("SESSION", "run.session_id", _BELOW),
    Column("QUEUED AT", "run.queued_at"),
    Column("ENDED AT", "run.ended_at"),
)
ALL_REVIEWS_COLUMNS: Final = (
    Column("REVIEW", "review.review_id", _KEPT),
    Column("RUN", "review.run_id", _KEPT),
    Column("STATUS", "review.outcome", _KEPT, or_else="review.status"),
    Column("TITLE", "task.title", _CUT),
    Column("TASK", "task.id", _BELOW),
    Column("DEADLINE", "review.deadline_at"),
    Column("ROUND", "review.review_round"),
)

REVIEWS: Final = (Listing("reviews", REVIEW_COLUMNS, none="no reviews"),)
TASK: Final = (Card("task"),)
RUN: Final = (Card("run"),)
TASK_AND_RUN: Final = (Listing("task", TASK_COLUMNS, "task"), Listing("run", RUN_COLUMNS, "run"))
TASK_DETAIL: Final = (
    Card("task.task"),
    Listing("task.children", TASK_COLUMNS, "children"),
    Listing(
        "task.dependency_references",
        (
            Column("WAITS FOR", "depends_on.id", _KEPT),
            Column("STATUS", "depends_on.status", _KEPT),
            Column("TITLE", "depends_on.title", _CUT),
        ),
        "dependencies",
    ),
    Listing("task.runs", RUN_COLUMNS, "runs"),
)
SUCCESSION: Final = (
    Listing("previous_run", RUN_COLUMNS, "previous run"),
    Listing("run", RUN_COLUMNS, "new run"),
)
