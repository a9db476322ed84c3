"""`chargehand inbox`: what waits for the caller."""

from typing import Final

from web.cli.shown import Card
from web.cli.verbs import Verb
from web.operations import Operation as Op

_TRIAGE: Final = (Card("triage"),)

VERBS: Final = (
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
