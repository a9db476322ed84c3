"""What is set aside, so that a fault stays where it is.

An actor that crashes starts again from the journal; one that goes on crashing, and whatever is
stored with damage, is set aside alone: whoever asks for it is refused with the cause, and all else
goes on. Nothing damaged is ever answered, and nothing is written to what is set aside.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from hashlib import blake2b
from typing import final

import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import CRASH_WINDOW_S, CRASHES_MAX
from chargehand.actors.ports import DamagedError, DamagedRowError
from chargehand.actors.record import IndexTable

_log = logging.getLogger("chargehand.actors")

_CODES = {"@session/": Code.SESSION_SET_ASIDE, "@workspace/": Code.WORKSPACE_SET_ASIDE}


class Why(Enum):
    """Why something is set aside."""

    DAMAGED = "damaged"  # what is stored of it fails its checksum; found again at each start
    CRASHED = "crashed"  # too often within too short a time; tried again at the next start


@final
@frozen
class Fault:
    """Something that is set aside.

    Args:
        address: a task id, or `@session/…`, `@workspace/…`, `@scheduler`.
        cause: in a sentence without a full stop. Public, so it quotes nothing that is stored.
        at_ns: since when.
    """

    address: str
    why: Why
    cause: str
    at_ns: int


@final
class Faults:
    """Args: now_ns: the time that is shown."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._aside: dict[str, Fault] = {}
        self._crashes: dict[str, deque[float]] = {}  # by address: when, the last few
        self._listeners: list[Callable[[str], None]] = []
        self.crash_count = 0  # since the start

    def __contains__(self, address: object) -> bool:
        return address in self._aside

    def __iter__(self) -> Iterator[Fault]:
        """All that is set aside, in the order in which it was."""
        return iter(tuple(self._aside.values()))

    def __len__(self) -> int:
        return len(self._aside)

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with each address that is set aside from now on."""
        self._listeners.append(listener)

    def check(self, address: str) -> None:
        """Raises Rejected if it is set aside."""
        fault = self._aside.get(address)
        if fault is not None:
            raise refusal_of(fault)

    def check_any(self, prefix: str) -> None:
        """Raises Rejected if any address that begins so is set aside: what is not found may be
        that."""
        for address in self._aside:
            if address.startswith(prefix):
                self.check(address)

    def refusal(self, address: str) -> Rejected:
        """What is said to whoever asks for `address`, which is set aside."""
        return refusal_of(self._aside[address])

    @contextmanager
    def reading(self, address: str) -> Iterator[None]:
        """While something stored of `address` is read: if it is damaged, it is set aside.

        Raises:
            Rejected: it is set aside, or was before.
        """
        self.check(address)
        try:
            yield
        except DamagedError as error:
            raise refusal_of(self.set_aside(address, Why.DAMAGED, str(error))) from error

    def set_aside(self, address: str, why: Why, cause: str) -> Fault:
        """From now on it is refused. What was set aside before stays so for its first cause."""
        known = self._aside.get(address)
        if known is not None:
            return known
        fault = self._aside[address] = Fault(address, why, cause, self._now_ns())
        self._crashes.pop(address, None)
        _log.critical("%s is set aside: %s", address, cause)
        for listener in self._listeners:
            listener(address)
        return fault

    def damaged_row(self, table: IndexTable, key: str, error: DamagedRowError) -> Rejected:
        """Set aside a damaged index row whose owner cannot be determined.

        Returns: the refusal for whoever asked.
        """
        # Of a key that a client gave, no more than this is shown.
        digest = blake2b(key.encode(), digest_size=8).hexdigest()
        address = f"@index/{table.value}/{digest}"
        return refusal_of(self.set_aside(address, Why.DAMAGED, str(error)))

    def failed(self, address: str, error: Exception, what: str) -> Rejected:
        """Its actor met an error: log and count it, and set it aside if that is damage or once too
        often.

        Args:
            what: was being done, as the subject of "crashed".

        Returns: the refusal for whoever asked.
        """
        if isinstance(error, DamagedError):
            return refusal_of(self.set_aside(address, Why.DAMAGED, str(error)))
        self.crash_count += 1
        _log.error("task %s: %s crashed", address, what, exc_info=error)
        if address in self._aside:
            return refusal_of(self._aside[address])
        if self._too_often(address):
            kind = type(error).__name__
            cause = (
                f"{what} crashed with {kind}, the last of more than {CRASHES_MAX} crashes within "
                f"{CRASH_WINDOW_S} s; the server's log has all of them"
            )
            return refusal_of(self.set_aside(address, Why.CRASHED, cause))
        return Rejected(
            Code.ACTOR_CRASHED,
            f"handling the request for {address} failed; nothing was written",
            "report the server's log; other requests go on",
            evidence={"task_id": address},
        )

    def _too_often(self, address: str) -> bool:
        now_s = trio.current_time()
        crashes = self._crashes.get(address)
        if crashes is None:
            self._forget_older(now_s - CRASH_WINDOW_S)
            crashes = self._crashes[address] = deque(maxlen=CRASHES_MAX + 1)
        crashes.append(now_s)
        return len(crashes) > CRASHES_MAX and crashes[0] >= now_s - CRASH_WINDOW_S

    def _forget_older(self, before_s: float) -> None:
        for address in [found for found, at in self._crashes.items() if at[-1] < before_s]:
            del self._crashes[address]


def refusal_of(fault: Fault) -> Rejected:
    """What is said to whoever asks for something that is set aside."""
    code = next(
        (code for prefix, code in _CODES.items() if fault.address.startswith(prefix)),
        Code.TASK_SET_ASIDE,
    )
    name = fault.address.rpartition("/")[2] if fault.address.startswith("@") else fault.address
    if fault.why is Why.DAMAGED:
        next_step = (
            "all else goes on; have the operator stop the server, run `chargehand verify` on its "
            "data directory and do what that says"
        )
    else:
        next_step = "all else goes on; report the server's log: it is tried again at the next start"
    return Rejected(
        code,
        f"{name} is set aside: {fault.cause}",
        next_step,
        area="server",
        evidence={"address": fault.address, "why": fault.why.value},
    )
