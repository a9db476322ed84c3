"""`chargehand scheduler`."""

from collections.abc import Mapping
from typing import Any, Final

from chargehand.actors.task.choices import Scope
from chargehand.web.cli.holdups import claims_under_way
from chargehand.web.cli.members import CURSOR, LIMIT, REASON, WORKSPACE, Field, Form, one_of
from chargehand.web.cli.running import Callers
from chargehand.web.cli.shown import Card, Column, Listing, Worth
from chargehand.web.cli.verbs import Verb, Watch
from chargehand.web.exits import ClientExit
from chargehand.web.operations import Operation as Op

_SCHEDULER: Final = (
    Card("scheduler", without=("drain",)),
    Card("scheduler.drain", "drain"),
)


def _drained(body: Mapping[str, Any]) -> ClientExit:
    return ClientExit.DONE if body["completed"] else ClientExit.LATER


VERBS: Final = (
    Verb(
        name="status",
        operation=Op.GET_SCHEDULER,
        help="The scheduler and its counts",
        example="--watch",
        shows=_SCHEDULER,
        watch=Watch.ANSWER,
    ),
    Verb(
        name="health",
        operation=Op.READINESS,
        help="Whether the server takes work, and what is set aside",
        note="What is set aside is refused with its cause, and all else goes on.",
        shows=(
            Listing("", (Column("STATUS", "status", Worth.KEPT), Column("EPOCH", "epoch"))),
            Listing(
                "set_aside",
                (
                    Column("SET ASIDE", "address", Worth.KEPT),
                    Column("WHY", "why", Worth.KEPT),
                    Column("SINCE", "since"),
                    Column("CAUSE", "cause"),
                ),
                "Set aside",
            ),
            Card("retention", "Retention"),
        ),
        callers=Callers.NOBODY,
    ),
    Verb(
        name="pause",
        operation=Op.PAUSE_SCHEDULER,
        help="Stop handing out runs",
        example="--reason maintenance",
        fields=(REASON,),
        shows=_SCHEDULER,
    ),
    Verb(
        name="resume",
        operation=Op.RESUME_SCHEDULER,
        help="Hand out runs again; ends a drain",
        fields=(REASON,),
        shows=_SCHEDULER,
    ),
    Verb(
        name="drain",
        operation=Op.DRAIN_SCHEDULER,
        help="Pause, and wait for the claims under way",
        note="Where some are left when the time is over, they are named, and the pause stays.",
        example="--timeout-seconds 120",
        fields=(REASON, Field("timeout_seconds", "how long to wait", int)),
        shows=(
            *_SCHEDULER,
            Listing(
                "",
                (
                    Column("COMPLETED", "completed", Worth.KEPT),
                    Column("TIMED OUT", "timed_out", Worth.KEPT),
                    Column("REMAINING", "remaining_claims", Worth.KEPT),
                ),
                "drain",
            ),
            Listing(
                "remaining_runs",
                (
                    Column("RUN", "id", Worth.KEPT),
                    Column("STATUS", "status", Worth.KEPT),
                    Column("HELD BY", "session_id", Worth.BELOW, or_else="claimed_by"),
                    Column("TASK", "task_id", Worth.BELOW),
                    Column("LEASE UNTIL", "lease_until"),
                ),
                "still at work",
            ),
        ),
        may_wait=True,
        holdup=claims_under_way,
        ends_with=_drained,
    ),
    Verb(
        name="backlog",
        operation=Op.GET_BACKLOG,
        help="The runs that wait, in their order",
        example="--limit 20",
        fields=(
            Field("scope", "of workspaces, or global", one_of(Scope)),
            WORKSPACE,
            Field("include_paused", "those of paused tasks too", form=Form.FLAG),
            LIMIT,
            CURSOR,
        ),
        shows=(
            Listing(
                "backlog.runs",
                (
                    Column("RUN", "run.id", Worth.KEPT),
                    Column("PRIORITY", "task.priority", Worth.KEPT),
                    Column("TITLE", "task.title", Worth.CUT),
                    Column("QUEUED AT", "run.queued_at"),
                    Column("TASK", "task.id", Worth.BELOW),
                    Column("STATUS", "run.status"),
                ),
                none="nothing waits",
            ),
        ),
        watch=Watch.ANSWER,
    ),
)
