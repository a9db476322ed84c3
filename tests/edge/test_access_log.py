import logging

import pytest

from tests.edge.peer import request, until


@pytest.fixture
def lines():
    """What the access log says, without the durations."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(" ".join(record.getMessage().split()[:-2]))
    logger = logging.getLogger("chargehand.access")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield told
    logger.removeHandler(handler)
    logger.setLevel(before)


async def test_each_answered_request_has_one_line(serve, lines):
    served = await serve()
    for _ in range(20):  # hanging up right behind the answer, which is when it went wrong
        peer = await served.connect()
        await peer.send(request(port=served.port))
        assert (await peer.answer()).status == 200
        await peer.stream.aclose()
    await until(lambda: served.front.open_connections == 0)
    assert lines == ["GET /x 200"] * 20


async def test_a_path_is_reported_as_it_was_sent(serve, lines):
    """A line break in it makes no second line."""
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/a%0d%0aGET%20/b?c=d", port=served.port))
    assert (await peer.answer()).status == 200
    await until(lambda: len(lines) > 0)
    assert lines == ["GET /a%0d%0aGET%20/b 200"]


async def test_who_hangs_up_before_the_answer_is_told_once(serve, lines, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/park", port=served.port))
    await application.parked.wait()
    await peer.stream.aclose()
    await until(lambda: served.front.open_connections == 0)
    assert lines == ["GET /park hung-up"]


async def test_a_stream_that_its_client_ends_has_its_status(serve, lines, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/stream", port=served.port))
    assert await peer.stream.receive_some()
    await peer.stream.aclose()
    await application.disconnected.wait()
    await until(lambda: served.front.open_connections == 0)
    assert lines == ["GET /stream 200"]
