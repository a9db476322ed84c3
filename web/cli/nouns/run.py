"""`chargehand run`: runs, as an operator."""

from collections.abc import Sequence
from typing import Final

from chargehand.web.cli.bulk_verbs import RUN_VERBS
from chargehand.web.cli.filters import REVIEW_FILTERS, RUN_FILTERS
from chargehand.web.cli.inspection import INSPECTION
from chargehand.web.cli.layouts import (
    ALL_RUNS_COLUMNS,
    REVIEWS,
    RUN,
    SESSION_COLUMNS,
    SUCCESSION,
    TASK_COLUMNS,
)
from chargehand.web.cli.members import (
    CURSOR,
    DUE_REASON,
    ERROR,
    ID,
    KEY,
    LIMIT,
    METADATA,
    REASON,
    RESULT,
    Field,
    Form,
)
from chargehand.web.cli.results import Refusals, all_done
from chargehand.web.cli.shown import Card, Column, Listing, Part, Worth
from chargehand.web.cli.verbs import Verb, Watch
from chargehand.web.operations import Operation as Op

_RUNS: Final = Field("run_ids", kind=ID, form=Form.ARGUMENTS, flag="run")


_RESULTS: Final[Sequence[Part]] = (
    Listing(
        "results",
        (
            Column("RUN", "run_id", Worth.KEPT),
            Column("DONE", "ok", Worth.KEPT),
            Column("STATUS", "run.status", Worth.KEPT),
        ),
    ),
    Refusals("run_id"),
)


VERBS: Final = (
    Verb(
        name="list",
        operation=Op.LIST_ALL_RUNS,
        help="Runs of all tasks that match a filter",
        note="A page may be short, and more follow all the same: --all reads on to the end.",
        example="--status failed --since 2027-01-31T12:00:00Z",
        fields=(
            *RUN_FILTERS,
            LIMIT,
            CURSOR,
        ),
        shows=(Listing("runs", ALL_RUNS_COLUMNS, none="no runs"),),
        watch=Watch.ANSWER,
    ),
    Verb(
        name="show",
        operation=Op.GET_RUN,
        help="A run with its task and session",
        shows=(
            Card("run.run"),
            Listing("run.task", TASK_COLUMNS, "task"),
            Listing(
                "run.session",
                (Column("ID", "session_id", Worth.KEPT), *SESSION_COLUMNS[1:]),
                "session",
            ),
        ),
    ),
    Verb(
        name="inspect",
        operation=Op.INSPECT_RUN,
        help="The state of a run, and what to do next",
        shows=INSPECTION,
    ),
    Verb(
        name="claim",
        operation=Op.CLAIM_RUN,
        help="Claim a queued run, without a lease",
        fields=(KEY,),
        shows=RUN,
    ),
    Verb(
        name="start",
        operation=Op.START_RUN,
        help="Start a claimed run",
        fields=(KEY,),
        shows=RUN,
    ),
    Verb(
        name="attach-session",
        operation=Op.ATTACH_SESSION,
        help="Bind a run to a session",
        example="sess-1",
        fields=(Field("session_id", kind=ID, form=Form.ARGUMENT, flag="session"),),
        shows=RUN,
    ),
    Verb(
        name="complete",
        operation=Op.COMPLETE_RUN,
        help="Complete a run that no agent holds",
        example="""--result '{"by": "hand"}'""",
        fields=(RESULT,),
        shows=RUN,
    ),
    Verb(
        name="fail",
        operation=Op.FAIL_RUN,
        help="Fail a run that no agent holds",
        example='--error "no disk"',
        fields=(ERROR, METADATA),
        shows=RUN,
    ),
    Verb(
        name="cancel",
        operation=Op.CANCEL_RUN,
        help="Cancel a run",
        example='--reason "not needed"',
        fields=(REASON, METADATA),
        shows=RUN,
    ),
    Verb(
        name="retry",
        operation=Op.RETRY_RUN,
        help="Queue a new run in place of one that failed or was canceled",
        fields=(METADATA,),
        shows=SUCCESSION,
    ),
    Verb(
        name="recover",
        operation=Op.RECOVER_RUN,
        help="Queue a new run in place of one that needs attention",
        example='--reason "the host is back"',
        fields=(REASON, METADATA),
        shows=SUCCESSION,
    ),
    Verb(
        name="force-release",
        operation=Op.FORCE_RELEASE,
        help="Take a claimed run from its holder, back into the queue",
        example='--reason "the agent is gone"',
        fields=(REASON, METADATA),
        shows=RUN,
    ),
    Verb(
        name="force-fail",
        operation=Op.FORCE_FAIL,
        help="Fail a run that nobody works on, whoever claimed it",
        example='--reason "operator recovery"',
        fields=(DUE_REASON, METADATA),
        shows=RUN,
    ),
    Verb(
        name="reviews",
        operation=Op.LIST_RUN_REVIEWS,
        help="The reviews of a run",
        fields=REVIEW_FILTERS,
        shows=REVIEWS,
    ),
    Verb(
        name="bulk-release",
        operation=Op.BULK_RELEASE,
        help="Take claimed runs from their holders",
        example='run-1 run-2 --reason "the host is gone"',
        fields=(_RUNS, REASON, METADATA),
        shows=_RESULTS,
        ends_with=all_done,
    ),
    Verb(
        name="bulk-fail",
        operation=Op.BULK_FAIL,
        help="Fail runs that nobody works on",
        example='run-1 run-2 --reason "bad input"',
        fields=(_RUNS, DUE_REASON, METADATA),
        shows=_RESULTS,
        ends_with=all_done,
    ),
    *RUN_VERBS,
)
