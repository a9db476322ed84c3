"""Server-sent events, of a task and everything below it or of all tasks.

Each event goes out as `id`, `event` and `data`; its id is its number, so that a client which comes
back with the last one misses nothing. A comment every 15 s keeps the connection alive, and a last
event without an id, `stream.closed`, says why the server ends it.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import orjson
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.views.streams import CloseReason, StreamClosed, Subscriber
from chargehand.actors.views.timeline import TimelineEvent
from chargehand.actors.views.views import Views
from chargehand.web.shapes.encoding import encode
from chargehand.web.shapes.events import stream_event_of

RETRY_MS: Final = 2000  # how long a client waits before it comes back
COMMENT_S: Final = 15.0

Subscribe = Callable[[], Subscriber]

_OPENING = f"retry: {RETRY_MS}\n\n".encode()
_COMMENT = b": still here\n\n"
_REFUSED: Final = {
    Code.TASK_SET_ASIDE: CloseReason.SET_ASIDE,
    Code.STREAM_CURSOR_BEHIND: CloseReason.OVERFLOW,  # the next try is refused
}


async def event_stream(views: Views, subscribe: Subscribe) -> AsyncGenerator[bytes, None]:
    """Chunks of the stream."""
    yield _OPENING
    try:
        subscription = subscribe()
    except Rejected as refusal:  # since the request was checked
        yield _closing(_REFUSED.get(refusal.code, CloseReason.DELETED))
        return
    with subscription:
        while True:
            event: TimelineEvent | None = None
            try:
                with trio.move_on_after(COMMENT_S):
                    event = await subscription.receive()
            except StreamClosed as closed:
                yield _closing(closed.reason)
                return
            yield _COMMENT if event is None else _frame(event, views)


async def no_events() -> AsyncGenerator[bytes, None]:
    """A stream of which only the head is wanted."""
    none: tuple[bytes, ...] = ()
    for chunk in none:
        yield chunk


def _frame(event: TimelineEvent, views: Views) -> bytes:
    data = encode(stream_event_of(event, views))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.event.type.encode(), data)


def _closing(reason: CloseReason) -> bytes:
    return b"event: stream.closed\ndata: %b\n\n" % orjson.dumps({"reason": reason.value})
