"""Handlers of either kind, called alike: async ones in the program, plain ones in threads."""

import contextlib
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, cast, final

import trio

from chargehand.web.agents.claims import Claim

Handler = Callable[[Claim], Awaitable[object]] | Callable[[Claim], object]
"""Takes a claim and returns the result of its run: JSON, or None. An `async` function runs in the
pool's program and must not block it; a plain one runs in a thread of its own and may."""


class Call(Protocol):
    """One handler at work on one claim at a time."""

    async def result(self, claim: Claim) -> object:
        """What the handler returns or raises."""

    async def wait_idle(self) -> None:
        """Return as soon as nothing of it runs any more."""


@final
class AsyncCall:
    def __init__(self, handler: Callable[[Claim], Awaitable[object]]) -> None:
        self._handler = handler

    async def result(self, claim: Claim) -> object:
        return await self._handler(claim)

    async def wait_idle(self) -> None:
        pass


@final
class ThreadCall:
    """Canceled, it lets go of the thread, which nothing can stop; the place in the pool is free
    again when that has come to its end.

    Args:
        limiter: has a thread for each place in the pool.
    """

    def __init__(self, handler: Callable[[Claim], object], limiter: trio.CapacityLimiter) -> None:
        self._handler = handler
        self._limiter = limiter
        self._idle = trio.Event()
        self._idle.set()

    async def result(self, claim: Claim) -> object:
        token = trio.lowlevel.current_trio_token()
        self._idle = ended = trio.Event()
        has_begun = False

        def call() -> object:
            nonlocal has_begun
            has_begun = True
            try:
                return _no_coroutine(self._handler(claim))
            finally:
                with contextlib.suppress(trio.RunFinishedError):
                    token.run_sync_soon(ended.set)

        try:
            return await trio.to_thread.run_sync(
                call, abandon_on_cancel=True, limiter=self._limiter
            )
        finally:
            if not has_begun:
                ended.set()

    async def wait_idle(self) -> None:
        await self._idle.wait()


def _no_coroutine(result: object) -> object:
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("the handler is no async function, but returns a coroutine")
    return result


def calls_of(handler: Handler, size: int) -> Callable[[], Call]:
    """Makes what calls the handler, for each of `size` places."""
    # It is called whatever it is; what is asked for is the function behind an object.
    called = handler if inspect.isroutine(handler) else getattr(handler, "__call__", handler)  # noqa: B004
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called):
        return partial(AsyncCall, cast("Callable[[Claim], Awaitable[object]]", handler))
    return partial(ThreadCall, handler, trio.CapacityLimiter(size))
