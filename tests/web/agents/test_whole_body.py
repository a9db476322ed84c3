"""A request that breaks off leaves nothing behind that the collector of garbage would report."""

import gc
import socket
import struct
from functools import partial

import httpx
import pytest
import trio

from chargehand.web.client.whole_body import SENT_WHOLE

_BODY = b"x" * (64 << 20)  # more than the buffers of a connection hold
_RESETS = struct.pack("ii", 1, 0)


async def _reset(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
    await stream.aclose()


async def test_a_connection_lost_amid_a_request_leaves_no_generator_open(nursery):
    serve = partial(trio.serve_tcp, host="127.0.0.1")
    [listener] = await nursery.start(serve, _reset, 0)
    port = listener.socket.getsockname()[1]
    async with httpx.AsyncClient(trust_env=False, event_hooks=SENT_WHOLE) as client:
        with pytest.raises(httpx.TransportError):
            await client.post(f"http://127.0.0.1:{port}/", content=_BODY)
    gc.collect()  # a generator left open is reported here, as an error
