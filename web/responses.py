"""What a handler gives back, whatever carries it to the client."""

from collections.abc import AsyncGenerator, Callable
from typing import final

from chargehand.actors.frozen import frozen
from chargehand.web.shapes.encoding import Shape, encode

Headers = tuple[tuple[str, str], ...]


@final
@frozen(eq=False)
class HttpResponse:
    """An answer that is ready. `body` is JSON, or empty."""

    status: int
    body: bytes = b""
    headers: Headers = ()


@final
@frozen(eq=False)
class EventStreamResponse:
    """An answer that goes on: server-sent events, one chunk each. `chunks` is called once."""

    chunks: Callable[[], AsyncGenerator[bytes, None]]
    status: int = 200
    headers: Headers = (
        ("Content-Type", "text/event-stream"),
        ("Cache-Control", "no-cache"),
        ("X-Accel-Buffering", "no"),
    )


AnyResponse = HttpResponse | EventStreamResponse


def shown(status: int, shape: Shape, headers: Headers = ()) -> HttpResponse:
    """An answer with `shape` as its JSON body."""
    return HttpResponse(status, encode(shape), headers)


EMPTY = HttpResponse(204)
