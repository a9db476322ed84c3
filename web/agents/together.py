"""What comes at the same time goes in one request."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, final

import trio

from chargehand.actors.limits import BATCH_RUNS_MAX
from chargehand.web.agents.errors import ChargehandError

_Item = TypeVar("_Item")


@final
class Together(Generic[_Item]):
    """Sends items that come in the same turn, or while a request is under way, in one request.

    One at a time is under way, sent by the task of its first item. If that is canceled, nobody
    knows what became of its items, and those of the others are sent again by one of them.

    Args:
        send: sends many items, which may be sent again; for each, in their order, what it is
            refused with, or None.
    """

    def __init__(
        self, send: Callable[[Sequence[_Item]], Awaitable[Sequence[ChargehandError | None]]]
    ) -> None:
        self._send = send
        self._waiting: list[_Waiter[_Item]] = []
        self._is_under_way = False

    async def ask(self, item: _Item) -> None:
        """Return when it is done. Raises: Refused, Unavailable: of this item alone."""
        waiter = _Waiter(item)
        self._waiting.append(waiter)
        try:
            while not waiter.is_settled:
                if self._is_under_way:
                    await waiter.turn.wait()
                else:
                    await self._send_all()
        finally:
            if not waiter.is_settled:  # canceled
                waiter.is_settled = True
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                self._wake_next()
        if waiter.error is not None:
            raise waiter.error.with_traceback(None)

    async def _send_all(self) -> None:
        self._is_under_way = True
        sent: list[_Waiter[_Item]] = []
        try:
            await trio.lowlevel.checkpoint()  # others of this turn come along
            sent, self._waiting = self._waiting[:BATCH_RUNS_MAX], self._waiting[BATCH_RUNS_MAX:]
            errors = await self._send([waiter.item for waiter in sent])
            for waiter, error in zip(sent, errors, strict=True):
                waiter.settle(error)
        finally:
            self._waiting[:0] = [waiter for waiter in sent if not waiter.is_settled]
            self._is_under_way = False
            self._wake_next()

    def _wake_next(self) -> None:
        """Have the next one send, if nobody does."""
        if self._waiting and not self._is_under_way:
            self._waiting[0].turn.set()


@final
class _Waiter(Generic[_Item]):
    """Attributes:
    turn: set when it is settled, or is to send.
    is_settled: it was answered, or nobody waits for that any more.
    """

    def __init__(self, item: _Item) -> None:
        self.item = item
        self.turn = trio.Event()
        self.is_settled = False
        self.error: ChargehandError | None = None

    def settle(self, error: ChargehandError | None) -> None:
        self.is_settled = True
        self.error = error
        self.turn.set()
