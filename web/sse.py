"""Server-sent events, of a task and everything below it or of all tasks.

A stream of all tasks begins with the number that it goes on behind, so that a client misses nothing
either which loses the connection before the first event.

Each event goes out as `id`, `event` and `data`; its id is its number, so that a client which comes
back with the last one misses nothing. A comment every 15 s keeps the connection alive, and a last
event without an id, `stream.closed`, says why the server ends it.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Final, final
from weakref import ref

import orjson
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.limits import STREAM_BUFFER_MAX
from chargehand.actors.views.streams import CloseReason, StreamClosed, Subscriber
from chargehand.actors.views.timeline import TimelineEvent
from chargehand.actors.views.views import Views
from chargehand.web.shapes.encoding import encode
from chargehand.web.shapes.events import stream_event_of

RETRY_MS: Final = 2000  # how long a client waits before it comes back
COMMENT_S: Final = 15.0

Subscribe = Callable[[], Subscriber]

_RETRY = b"retry: %d\n" % RETRY_MS
_COMMENT = b": still here\n\n"
_REFUSED: Final = {
    Code.TASK_SET_ASIDE: CloseReason.SET_ASIDE,
    Code.STREAM_CURSOR_BEHIND: CloseReason.OVERFLOW,  # the next try is refused
}


async def event_stream(
    views: Views, subscribe: Subscribe, begins_behind: int | None = None
) -> AsyncGenerator[bytes, None]:
    """Chunks of the stream. Args: begins_behind: a number that the client may not know."""
    yield _RETRY + (b"\n" if begins_behind is None else b"id: %d\n\n" % begins_behind)
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
            yield _COMMENT if event is None else _frames.frame(event, views)


async def no_events() -> AsyncGenerator[bytes, None]:
    """A stream of which only the head is wanted."""
    none: tuple[bytes, ...] = ()
    for chunk in none:
        yield chunk


@final
class _Frames:
    """The latest frames. What is published is one object for all who follow it, of all streams, and
    they are sent it one after the other; so it is encoded for the first of them."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[ref[TimelineEvent], bytes]] = {}  # by `id`

    def frame(self, event: TimelineEvent, views: Views) -> bytes:
        kept = self._kept.pop(id(event), None)
        if kept is None or kept[0]() is not event:  # that had the same place in memory
            kept = ref(event), _frame(event, views)
        self._kept[id(event)] = kept
        if len(self._kept) > STREAM_BUFFER_MAX:  # nobody lags behind more
            del self._kept[next(iter(self._kept))]
        return kept[1]


_frames: Final = _Frames()


def _frame(event: TimelineEvent, views: Views) -> bytes:
    data = encode(stream_event_of(event, views))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.event.type.encode(), data)


def _closing(reason: CloseReason) -> bytes:
    return b"event: stream.closed\ndata: %b\n\n" % orjson.dumps({"reason": reason.value})
