"""`chargehand dashboard`: how all of it is, on one screen."""

from collections.abc import Mapping, Sequence
from typing import Final, final

from chargehand.actors.identity import OriginKind
from chargehand.web.cli.filters import OWNER_FILTERS, SCOPE_FILTERS, scoped_by_workspace
from chargehand.web.cli.layout import Block, Pair, Pairs
from chargehand.web.cli.members import CHANNEL, Field, one_of
from chargehand.web.cli.shown import Column, Listing, Part, Worth, at, several, text_of
from chargehand.web.cli.verbs import Verb, Watch
from chargehand.web.operations import Operation as Op

_BODY: Final = "dashboard"
_IN_SECONDS_MS: Final = 10_000
_RUN_STATUSES: Final = (
    "queued",
    "claimed",
    "starting",
    "running",
    "completed",
    "failed",
    "canceled",
)


@final
class _Counts:
    """What there is, how well it goes, and how fast: a line for each."""

    def of(self, body: object) -> Sequence[Block]:
        board = at(body, _BODY)
        if not isinstance(board, Mapping):
            return []
        totals = at(board, "totals")
        tasks = [
            f"{text_of(at(row, 'count'))} {text_of(at(row, 'status'))}"
            for row in several(at(board, "status_breakdown"))
        ]
        waits = {
            "for an approval": at(totals, "awaiting_approval_tasks"),
            "for other tasks": at(totals, "dependency_blocked_tasks"),
        }
        runs = {status: at(totals, f"{status}_runs") for status in _RUN_STATUSES}
        troubles = {
            "stuck": at(board, "health.stuck_runs"),
            "orphaned": at(board, "health.active_orphan_runs"),
            "stopped by force": at(board, "cards.failed.forced_stops"),
        }
        lines = {
            "tasks": _total(at(totals, "tasks_total"), ", ".join(tasks)),
            "waiting": _counted(waits),
            "runs": _total(at(totals, "runs_total"), _counted(runs)),
            "queue": _total(at(board, "queue.total"), _queue(at(board, "queue"))),
            "health": _total(at(board, "health.status"), _counted(troubles)),
            "claims": _latency(at(board, "cards.latency.claim_latency_ms")),
            "starts": _latency(at(board, "cards.latency.start_latency_ms")),
            "activity": _activity(board),
        }
        return [Pairs([Pair(name, text) for name, text in lines.items() if text])]


def _total(total: object, parts: str) -> str:
    return f"{text_of(total)}: {parts}" if parts else text_of(total)


def _counted(counts: Mapping[str, object]) -> str:
    """Those that are not zero."""
    return ", ".join(f"{text_of(count)} {name}" for name, count in counts.items() if count)


def _queue(queue: object) -> str:
    if not at(queue, "total"):
        return ""
    age = f"the oldest for {_duration(at(queue, 'oldest_queue_age_ms'))}"
    return f"{age}, a backlog" if at(queue, "backlog_warning") else age


def _latency(latency: object) -> str:
    if not at(latency, "samples"):
        return ""
    average, most = _duration(at(latency, "average_ms")), _duration(at(latency, "maximum_ms"))
    return f"after {average} on average, {most} at most"


def _activity(board: object) -> str:
    latest = text_of(at(board, "freshness.latest_activity_at"))
    return ", ".join(word for word in (latest, text_of(at(board, "freshness.status"))) if word)


def _duration(milliseconds: object) -> str:
    """In milliseconds, or from ten seconds on in seconds."""
    if not isinstance(milliseconds, int):
        return ""
    return f"{milliseconds} ms" if milliseconds < _IN_SECONDS_MS else f"{milliseconds // 1000} s"


ACTIVE_COLUMNS: Final = (
    Column("RUN", "run_id", Worth.KEPT),
    Column("STATUS", "run_status", Worth.KEPT),
    Column("TITLE", "task_title", Worth.CUT),
    Column("HEALTH", "health_status"),
    Column("TASK", "task_id", Worth.BELOW),
    Column("SESSION", "session_id", Worth.BELOW),
)
_ACTIVE: Final = Listing("dashboard.active_runs.items", ACTIVE_COLUMNS, "active runs")
_CHANNELS: Final = Listing(
    "queue.depth",
    (
        Column("CHANNEL", "network_channel", Worth.KEPT),
        Column("QUEUED", "count", Worth.KEPT),
        Column("OLDEST", "oldest_queued_at"),
    ),
    "queued by channel",
)


@final
class _Channels:
    """The queues by channel, where runs have one."""

    def of(self, body: object) -> Sequence[Block]:
        board = at(body, _BODY)
        depth = several(at(board, "queue.depth"))
        return _CHANNELS.of(board) if any(at(row, "network_channel") for row in depth) else []


_BOARD: Final[Sequence[Part]] = (_Counts(), _Channels(), _ACTIVE)

VERBS: Final = (
    Verb(
        name="dashboard",
        operation=Op.GET_DASHBOARD,
        help="The state of all work, on one screen",
        example="--watch",
        fields=(
            *SCOPE_FILTERS,
            *OWNER_FILTERS,
            CHANNEL,
            Field("origin_kind", "how the tasks came in", one_of(OriginKind)),
        ),
        shows=_BOARD,
        watch=Watch.ANSWER,
        finish=scoped_by_workspace,
    ),
)
