"""How long a request is sent again that nobody has answered, and how soon."""

import random
from typing import Final, final

import trio

FIRST_PAUSE_S: Final = 0.05  # twice as long after each further attempt
PAUSE_S_MAX: Final = 2.0
RETRY_AFTER_S_MAX: Final = 30.0  # that a server may ask for


@final
class Patience:
    """Of one request.

    Args:
        seconds: from the first attempt that was not answered.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until_s: float | None = None
        self._pause_s = FIRST_PAUSE_S

    async def pause(self, retry_after_s: float | None) -> bool:
        """Wait before the next attempt. False: there is to be none.

        Args:
            retry_after_s: what the server has asked for.
        """
        now_s = trio.current_time()
        if self._until_s is None:
            self._until_s = now_s + self._seconds
        asked_s = min(retry_after_s or 0.0, RETRY_AFTER_S_MAX)
        # Clients that lost the same server are not to come back all at the same moment.
        pause_s = max(self._pause_s * random.uniform(0.5, 1.0), asked_s)
        self._pause_s = min(2 * self._pause_s, PAUSE_S_MAX)
        if now_s + pause_s > self._until_s:
            return False
        await trio.sleep(pause_s)
        return True
