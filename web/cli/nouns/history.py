"""`chargehand history`: what was done in each of the last minutes."""

from collections.abc import Sequence
from typing import Final, final

import click

from chargehand.actors.limits import HISTORY_MINUTES_DEFAULT, HISTORY_MINUTES_MAX
from chargehand.web.cli.layout import Block, Note
from chargehand.web.cli.members import Field
from chargehand.web.cli.shown import Column, Listing, Worth, at, text_of
from chargehand.web.cli.verbs import Verb, Watch
from chargehand.web.operations import Operation as Op

_MINUTES: Final = Listing(
    "history.minutes",
    (
        Column("MINUTE", "start", Worth.KEPT),
        Column("QUEUED", "runs_enqueued", Worth.KEPT),
        Column("CLAIMED", "runs_claimed", Worth.KEPT),
        Column("DONE", "runs_completed", Worth.KEPT),
        Column("FAILED", "runs_failed", Worth.KEPT),
        Column("WAITING", "queued_run_count"),
        Column("AT WORK", "active_run_count"),
        Column("WAIT P95 MS", "queue_wait.p95_ms"),
        Column("WORK P95 MS", "execution.p95_ms"),
        Column("WAIT P50 MS", "queue_wait.p50_ms"),
        Column("WORK P50 MS", "execution.p50_ms"),
        Column("OLDEST MS", "oldest_claimable_age_ms"),
        Column("EXPIRED", "leases_expired"),
        Column("CANCELED", "runs_canceled"),
        Column("RELEASED", "runs_released"),
        Column("CREATED", "tasks_created"),
    ),
)


@final
class _Since:
    """From when on it is known."""

    def of(self, body: object) -> Sequence[Block]:
        since = text_of(at(body, "history.since"))
        return [Note(f"known since {since}")] if since else []


VERBS: Final = (
    Verb(
        name="history",
        operation=Op.GET_HISTORY,
        help="What was done in each of the last minutes, and how long it took",
        note="The server keeps a day of it, in memory alone: a restart forgets it.",
        example="--minutes 15",
        fields=(
            Field(
                "minutes",
                f"how many, up to {HISTORY_MINUTES_MAX} [{HISTORY_MINUTES_DEFAULT}]",
                click.IntRange(min=1, max=HISTORY_MINUTES_MAX),
            ),
        ),
        shows=(_MINUTES, _Since()),
        watch=Watch.ANSWER,
    ),
)
