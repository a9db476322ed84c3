"""Takes every webhook, so that messages are delivered while a server is being fuzzed."""

import re
from functools import partial
from typing import Final

import trio

BRIDGE_ID: Final = "ops"

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TAKEN: Final = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


async def receive_webhooks(*, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
    """Serve until canceled, on the port that `start` gives."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port: int = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(trio.serve_listeners, _take, listeners))
        task_status.started(port)


async def _take(stream: trio.SocketStream) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = await stream.receive_some()
        if not chunk:
            return
        head += chunk
    head, _, body = head.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        chunk = await stream.receive_some()
        if not chunk:
            return
        left -= len(chunk)
    await stream.send_all(_TAKEN)


def configuration(port: int) -> str:
    """The server's configuration file: one bridge, for global tasks."""
    return f"""[[bridges]]
id = "{BRIDGE_ID}"
url = "http://127.0.0.1:{port}/"
secret = "fuzz"
"""
