"""What the log says while something fails again and again: that it does, now and then that it still
does, and that it works again. Attempts may be many, and outages short; lines are few."""

import logging
from typing import Final, final

from chargehand.actors.boot_clock import boot_ns
from chargehand.actors.limits import NS

FIRST_S: Final = 5.0
"""After the first line; twice as long after each that follows."""
LAST_S: Final = 300.0

_log = logging.getLogger("chargehand")


@final
class Outage:
    """Of one thing. Any thread may use it; two at a time have a line too many at worst.

    Args:
        fails: what to say of it while it does, as `the database gives no answer`.
        works: what to say when that is over.

    Attributes:
        why: it fails; None: it works.
    """

    def __init__(self, fails: str, works: str) -> None:
        self.why: str | None = None
        self._fails = fails
        self._works = works
        self._since_ns = self._over_ns = self._again_ns = 0
        self._pause_s = FIRST_S
        self._is_logged = False

    @property
    def said(self) -> str | None:
        """What is wrong, in a sentence; None: nothing is."""
        why = self.why
        return None if why is None else f"{self._fails}: {why}"

    def goes_on(self, why: str, since_ns: int | None = None) -> None:
        """Another attempt has failed, or one takes too long: since then; None: since now."""
        now_ns = boot_ns()
        if self.why is None:
            self._since_ns, self._is_logged = since_ns or now_ns, False
            if now_ns - self._over_ns >= FIRST_S * NS:
                self._again_ns, self._pause_s = now_ns, FIRST_S
        self.why = why
        if now_ns < self._again_ns:
            return
        self._is_logged = True
        lasted_s = (now_ns - self._since_ns) / NS
        lasting = f" for {lasted_s:.0f} s" if lasted_s else ""
        _log.warning("%s%s: %s", self._fails, lasting, why)
        self._again_ns = now_ns + int(self._pause_s * NS)
        self._pause_s = min(2 * self._pause_s, LAST_S)

    def is_over(self) -> None:
        """An attempt has succeeded."""
        if self.why is None:
            return
        self.why, self._over_ns = None, boot_ns()
        if self._is_logged:
            lasted_s = (self._over_ns - self._since_ns) / NS
            _log.warning("%s, after %.1f s", self._works, lasted_s)
