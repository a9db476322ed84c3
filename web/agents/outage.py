"""A scheduler that does not answer."""

import logging
from typing import Final, final

import trio

from chargehand.web.agents.errors import Unavailable

AGAIN_S: Final = 1.0  # until a request is sent again
_AGAIN_MAX_S: Final = 10.0  # however much longer a server asks for

_log = logging.getLogger("chargehand.agents")


@final
class Outage:
    """Spaces the attempts of a pool while the scheduler does not answer, and logs its begin and its
    end once, however many requests wait for it."""

    def __init__(self) -> None:
        self._is_logged = False

    async def wait(self, error: Unavailable) -> None:
        """Until the next attempt, after one that had no answer."""
        if not self._is_logged:
            self._is_logged = True
            _log.warning("waiting for the scheduler: %s", error)
        await trio.sleep(max(AGAIN_S, min(error.retry_after_s or 0.0, _AGAIN_MAX_S)))

    def end(self) -> None:
        """There was an answer."""
        if self._is_logged:
            self._is_logged = False
            _log.info("the scheduler is back")
