"""`chargehand inbox`: what waits for the caller."""

from collections.abc import Sequence
from typing import Final, final

from chargehand.actors.views.choices import Lane
from chargehand.web.cli.filters import OWNER_FILTERS, SCOPE_FILTERS, scoped_by_workspace
from chargehand.web.cli.layout import Block, Note
from chargehand.web.cli.members import COUNT, CURSOR, Field, Form, one_of
from chargehand.web.cli.shown import Card, Column, Listing, Worth, at, several, text_of
from chargehand.web.cli.verbs import Verb, Watch
from chargehand.web.operations import Operation as Op

_TRIAGE: Final = (Card("triage"),)
ITEM_COLUMNS: Final = (
    Column("TASK", "task.id", Worth.KEPT),
    Column("READ", "triage.read", Worth.KEPT),
    Column("TITLE", "task.title", Worth.CUT),
    Column("WHY", "blocking_reason"),
    Column("STATUS", "task.status"),
    Column("PRIORITY", "task.priority"),
    Column("SINCE", "latest_activity_at"),
    Column("RUN", "run.id", Worth.BELOW),
)


@final
class _Lanes:
    """Those lanes in which something waits."""

    def of(self, body: object) -> Sequence[Block]:
        found: list[Block] = []
        for lane in several(at(body, "inbox.groups")):
            count, unread = text_of(at(lane, "count")), text_of(at(lane, "unread_count"))
            title = f"{text_of(at(lane, 'lane'))}: {count}, {unread} unread"
            found += Listing("items", ITEM_COLUMNS, title).of(lane)
        return found or [Note("nothing waits")]


VERBS: Final = (
    Verb(
        name="list",
        operation=Op.GET_INBOX,
        help="What waits for the caller, lane by lane",
        example="--unread",
        fields=(
            *SCOPE_FILTERS,
            *OWNER_FILTERS,
            Field("lane", "only this lane", one_of(Lane)),
            Field("unread", "only unread", form=Form.FLAG),
            Field("query", "a text in title or identifier"),
            Field("limit", "at most this many in each lane", COUNT),
            CURSOR,
        ),
        shows=(_Lanes(),),
        watch=Watch.ANSWER,
        finish=scoped_by_workspace,
    ),
    Verb(
        name="read",
        operation=Op.MARK_TASK_READ,
        help="Mark a task as read",
        shows=_TRIAGE,
    ),
    Verb(
        name="archive",
        operation=Op.ARCHIVE_TASK,
        help="Put a task away for good",
        shows=_TRIAGE,
    ),
    Verb(
        name="dismiss",
        operation=Op.DISMISS_TASK,
        help="Hide a task until something happens to it",
        shows=_TRIAGE,
    ),
)
