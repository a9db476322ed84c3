"""One line for each request, when that is asked for."""

import logging
from typing import final

from hypercorn.logging import Logger
from hypercorn.typing import ResponseSummary, WWWScope

_log = logging.getLogger("chargehand.access")


def tell(request: WWWScope, status: int | None, seconds: float) -> None:
    """Log a request that has ended.

    Args:
        status: None where the peer was gone before anything was answered.
    """
    if _log.isEnabledFor(logging.INFO):
        _log.info(
            "%s %s %s %.1f ms",
            request["method"] if request["type"] == "http" else "-",
            request["raw_path"].decode("latin-1"),
            "hung-up" if status is None else status,
            seconds * 1000,
        )


@final
class AccessLog(Logger):
    """Hypercorn's way to it."""

    async def access(
        self, request: WWWScope, response: ResponseSummary | None, request_time: float
    ) -> None:
        tell(request, None if response is None else response["status"], request_time)
