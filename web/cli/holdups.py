"""What may keep the answer to a command waiting, for those who wait."""

from typing import TYPE_CHECKING, Final

from chargehand.web.cli.failures import Failed
from chargehand.web.cli.shown import at, text_of
from chargehand.web.operations import Operation

if TYPE_CHECKING:
    from chargehand.web.cli.client import Client

_ANSWER_S: Final = 5.0  # the server is busy with the other request, if it is there at all
_PAUSE: Final = (("by", "paused_by"), ("since", "paused_at"))


def scheduler_pause(client: "Client") -> str | None:
    """Who has paused the scheduler, since when and why; None where nobody has."""
    scheduler = _scheduler(client)
    if not at(scheduler, "paused"):
        return None
    words = [
        "the scheduler is paused",
        *(f"{word} {text}" for word, path in _PAUSE if (text := text_of(at(scheduler, path)))),
    ]
    reason = text_of(at(scheduler, "paused_reason"))
    return " ".join(words) + (f": {reason}" if reason else "")


def claims_under_way(client: "Client") -> str | None:
    """How many runs a drain waits for."""
    count = at(_scheduler(client), "active_claim_count")
    if not count:
        return None
    return "1 run is at work" if count == 1 else f"{text_of(count)} runs are at work"


def _scheduler(client: "Client") -> object:
    try:
        answer = client.ask("GET", Operation.GET_SCHEDULER.path, answer_s=_ANSWER_S)
    except Failed:
        return None  # it is no more than a hint
    return at(answer.body, "scheduler")
