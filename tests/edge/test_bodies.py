import pytest
import trio

from chargehand.actors.limits import BODY_BYTES_MAX
from chargehand.web.guard import Bodies
from tests.edge.conftest import PARSERS
from tests.edge.peer import request, until


@pytest.fixture(params=PARSERS)
def make_parser(request):
    return request.param


async def test_a_body_arrives_whole_however_it_was_cut(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, Transfer_Encoding="chunked"))
    for piece in (b"3\r\nabc\r\n", b"2\r\nd", b"e\r\n0\r\n\r\n"):
        await peer.send(piece)
    assert (await peer.answer()).status == 200
    await peer.send(request(method="POST", port=served.port, body=b"second"))
    assert (await peer.answer()).status == 200
    assert application.bodies == [b"abcde", b"second"]


async def test_a_body_of_exactly_the_cap_is_let_through(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, body=b"x" * BODY_BYTES_MAX))
    assert (await peer.answer()).status == 200
    assert len(application.bodies[0]) == BODY_BYTES_MAX


async def test_a_declared_length_over_the_cap_is_refused_before_the_body_comes(serve, application):
    served = await serve()
    peer = await served.connect()
    length = str(BODY_BYTES_MAX + 1)
    await peer.send(request(method="POST", port=served.port, Content_Length=length))
    answer = await peer.answer()
    assert (answer.status, answer.code) == (413, "payload_too_large")
    assert answer.headers["connection"] == "close"
    assert await peer.rest() == b""
    assert application.bodies == []


async def test_five_mebibytes_sent_without_looking_get_an_answer_and_free_the_connection(serve):
    served = await serve()
    peer = await served.connect()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            peer.feed, request(method="POST", port=served.port, body=b"x" * 5 * 1024 * 1024)
        )
        assert (await peer.answer()).status == 413
    await peer.stream.aclose()
    await until(lambda: served.front.open_connections == 0)


async def test_chunks_are_counted_while_they_come(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, Transfer_Encoding="chunked"))
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.feed, chunk * 80)
        assert (await peer.answer()).code == "payload_too_large"
    assert application.bodies == []


async def test_a_slow_body_is_refused_in_time(serve, application):
    served = await serve(body_s=0.1)
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, Content_Length="10") + b"half")
    answer = await peer.answer()
    assert (answer.status, answer.code) == (400, "request_body_timeout")
    assert await peer.rest() == b""
    assert application.bodies == []


async def test_a_peer_that_hangs_up_within_its_body_is_forgotten(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, Content_Length="10") + b"half")
    await peer.stream.aclose()
    await until(lambda: served.front.open_connections == 0)
    assert application.bodies == []


async def test_all_bodies_together_are_bounded_and_given_back(serve):
    bodies = Bodies(bytes_max=1000)
    served = await serve(bodies=bodies)
    first, second = await served.connect(), await served.connect()
    await first.send(request(method="POST", port=served.port, Content_Length="900") + b"x" * 800)
    await until(lambda: bodies.held_bytes == 800)
    await second.send(request(method="POST", port=served.port, body=b"x" * 300))
    answer = await second.answer()
    assert (answer.status, answer.code) == (503, "overloaded")
    await first.send(b"x" * 100)
    assert (await first.answer()).status == 200
    await until(lambda: bodies.held_bytes == 0)


async def test_a_body_of_no_bytes_is_none(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, Content_Length="0"))
    assert (await peer.answer()).status == 200
    assert application.bodies == [b""]


async def test_a_client_that_asks_first_is_not_invited_to_send_too_much(serve, application):
    served = await serve()
    peer = await served.connect()
    length = str(BODY_BYTES_MAX + 1)
    headers = {"Content_Length": length, "Expect": "100-continue"}
    await peer.send(request(method="POST", port=served.port, **headers))
    assert (await peer.answer()).status == 413
    assert await peer.rest() == b""
    assert application.bodies == []


async def test_a_client_that_asks_first_may_send(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(
        request(method="POST", port=served.port, Content_Length="5", Expect="100-continue")
    )
    assert (await peer.answer()).status == 100
    await peer.send(b"hello")
    assert (await peer.answer()).status == 200
    assert application.bodies == [b"hello"]


async def test_a_client_that_does_not_wait_for_its_answer_is_not_asked_again(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, body=b"hello", Expect="100-continue"))
    assert (await peer.answer()).status == 200
    assert application.bodies == [b"hello"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "GZIP"])
async def test_a_body_that_is_encoded_is_refused(serve, application, encoding):
    served = await serve()
    peer = await served.connect()
    raw = request(method="POST", port=served.port, body=b"\x1f\x8b", Content_Encoding=encoding)
    await peer.send(raw)
    answer = await peer.answer()
    assert (answer.status, answer.code) == (415, "content_encoding_not_supported")
    assert answer.headers["accept-encoding"] == "identity"
    await peer.send(request(method="POST", port=served.port, body=b"ok"))  # it was read, after all
    assert (await peer.answer()).status == 200
    assert application.bodies == [b"ok"]


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
async def test_one_that_only_says_so_is_let_through(serve, application, encoding):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(method="POST", port=served.port, body=b"ok", Content_Encoding=encoding))
    assert (await peer.answer()).status == 200
