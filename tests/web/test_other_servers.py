"""The app alone, as any ASGI server on Trio serves it."""

from functools import partial

import h11
import hypercorn.trio
import pytest
import trio
from hypercorn.config import Config

from chargehand.actors.identity import OriginKind
from chargehand.web.app import create_app


@pytest.fixture
async def port(system, nursery) -> int:
    """Of the app, served by Hypercorn as it is."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    app = create_app(system, OriginKind.HTTP)
    serve = partial(hypercorn.trio.serve, app, config, mode="asgi")
    [bound] = await nursery.start(serve)
    return int(bound.rsplit(":", 1)[1])


async def asked(port: int, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of an answer."""
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", "h"), ("Connection", "close"), ("Content-Length", str(len(body)))]
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        for event in (
            h11.Request(method=method, target=target, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            await stream.send_all(connection.send(event))
        status, answer = 0, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                answer += event.data
            else:
                return status, answer


async def test_hypercorn_serves_the_app(port):
    status, made = await asked(port, "POST", "/api/tasks", b'{"scope":"global","title":"work"}')
    assert status == 201
    assert b'"title":"work"' in made
    assert (await asked(port, "GET", "/api/tasks"))[0] == 200
    assert (await asked(port, "GET", "/api/tasks/none"))[0] == 404
    assert (await asked(port, "POST", "/api/tasks", b"no JSON"))[0] == 422
