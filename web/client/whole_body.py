"""The body of a request, in one piece."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final, final

import httpx


@final
class WholeBody(httpx.AsyncByteStream):
    """As HTTPX's own, but for what is left of it where the connection is lost: that one would be an
    async generator that nobody closes, of which Trio warns."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Piece(self._body)


@final
class _Piece:
    def __init__(self, body: bytes) -> None:
        self._left = [body] if body else []

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


async def _send_whole(request: httpx.Request) -> None:
    request.stream = WholeBody(request.content)


SENT_WHOLE: Final[dict[str, list[Callable[..., Any]]]] = {"request": [_send_whole]}
"""`event_hooks` of an HTTPX client each of whose requests has its body in memory."""
