"""`chargehand review`: have a run judged, and judge it."""

from typing import Final
from uuid import uuid4

from chargehand.actors.task.choices import ReviewOutcome, ReviewPolicy, ReviewStatus
from chargehand.web.cli.filters import SCOPE_FILTERS
from chargehand.web.cli.layouts import ALL_REVIEWS_COLUMNS, RUN_COLUMNS
from chargehand.web.cli.members import CURSOR, ID, LIMIT, REASON, Field, Form, Members, one_of
from chargehand.web.cli.shown import Card, Listing
from chargehand.web.cli.verbs import Verb, Watch
from chargehand.web.operations import Operation as Op

_REVIEW: Final = (Card("review"),)
_VERDICT: Final = "verdict"


def _with_delivery(members: Members) -> None:
    """A verdict has an id, so that it counts once however often it is sent."""
    members[_VERDICT].setdefault("delivery_id", f"cli-{uuid4()}")


VERBS: Final = (
    Verb(
        name="list",
        operation=Op.LIST_ALL_REVIEWS,
        help="Reviews of all tasks that match a filter",
        note="A page may be short, and more follow all the same: --all reads on to the end.",
        example="--status requested",
        fields=(
            Field("status", "status; may be repeated", one_of(ReviewStatus), form=Form.LIST),
            Field("task_id", "only those of this task", ID, flag="task"),
            *SCOPE_FILTERS,
            LIMIT,
            CURSOR,
        ),
        shows=(Listing("reviews", ALL_REVIEWS_COLUMNS, none="no reviews"),),
        watch=Watch.ANSWER,
    ),
    Verb(
        name="request",
        operation=Op.REQUEST_REVIEW,
        help="Have an ended run judged",
        example='--reason "it touches billing"',
        fields=(
            Field("policy", "the ends of runs that it is for", one_of(ReviewPolicy)),
            Field("review_round", "which round of the work it judges", int, flag="round"),
            Field("attempt", "which attempt at judging that round it is", int),
            Field("deadline_at", "until when, as 2027-01-31T12:00:00Z", flag="deadline"),
            Field("parent_review_id", "the review that it follows", flag="parent"),
            REASON,
        ),
        shows=_REVIEW,
    ),
    Verb(name="show", operation=Op.GET_REVIEW, help="A review", shows=_REVIEW),
    Verb(
        name="verdict",
        operation=Op.SUBMIT_VERDICT,
        help="Judge a run; a rejection queues the run that goes on",
        note="A rejection needs --missing or --guidance.",
        example='run-1 rejected --confidence 0.9 --reason "no tests" --missing "tests of the API"',
        fields=(
            Field("run_id", kind=ID, form=Form.ARGUMENT, flag="run"),
            Field("outcome", kind=one_of(ReviewOutcome), form=Form.ARGUMENT, inside=_VERDICT),
            Field("confidence", "from 0 to 1", float, required=True, inside=_VERDICT),
            Field("reason", "why", required=True, inside=_VERDICT),
            Field(
                "missing_work",
                "what is missing, for a rejection; may be repeated",
                form=Form.LIST,
                flag="missing",
                inside=_VERDICT,
            ),
            Field(
                "next_round_guidance",
                "what to do next, for a rejection",
                flag="guidance",
                inside=_VERDICT,
            ),
            Field("review_text", "the whole review", flag="text", inside=_VERDICT),
            Field("delivery_id", "an id of your own; one is made otherwise", inside=_VERDICT),
        ),
        shows=(Card("review"), Listing("continuation_run", RUN_COLUMNS, "the run that goes on")),
        finish=_with_delivery,
    ),
)
