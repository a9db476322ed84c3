import gc

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.web.connection import Connection
from chargehand.web.parsing import HEADER_BYTES_MAX, HEADERS_MAX, MalformedRequest
from tests.edge.conftest import HOUR_S, PARSERS
from tests.edge.peer import S_MAX, request, until


@pytest.fixture(params=PARSERS)
def make_parser(request):
    return request.param


async def serves(served) -> None:
    """The listener still answers."""
    with trio.fail_after(S_MAX):
        peer = await served.connect()
        await peer.send(request(port=served.port))
        assert (await peer.answer()).status == 200
        await peer.stream.aclose()


async def all_closed(served) -> None:
    await until(lambda: served.front.open_connections == 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTQ/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /x HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /x HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_closed(serve, raw):
    served = await serve()
    peer = await served.connect()
    await peer.feed(raw)
    answer = await peer.answer()
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert await peer.rest() == b""
    await serves(served)


async def test_headers_over_the_limit_are_reported(serve):
    served = await serve()
    peer = await served.connect()
    await peer.feed(b"GET /x HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200_000 + b"\r\n\r\n")
    answer = await peer.answer()
    assert (answer.status, answer.code) == (400, "headers_too_large")
    assert b"65536" in answer.body
    await serves(served)


def test_the_limit_holds_for_headers_that_come_at_once(make_parser):
    parser = make_parser()
    head = b"GET /x HTTP/1.1\r\nHost: localhost\r\nX: %b\r\n\r\n"
    parser.feed(head % (b"y" * HEADER_BYTES_MAX))
    with pytest.raises(MalformedRequest) as caught:
        parser.advance()
    assert caught.value.refusal.problem.code == "headers_too_large"


async def test_more_headers_than_are_read_are_reported(serve):
    served = await serve()
    for count, status in ((HEADERS_MAX, 200), (HEADERS_MAX + 1, 400)):
        peer = await served.connect()
        host = b"Host: localhost:%d\r\n" % served.port
        await peer.feed(b"GET /x HTTP/1.1\r\n" + host + b"a:\r\n" * (count - 1) + b"\r\n")
        answer = await peer.answer()
        assert answer.status == status
    assert answer.code == "headers_too_large"
    assert b"256 headers" in answer.body
    assert await peer.rest() == b""


async def test_two_statements_of_a_length_are_refused(serve, application):
    served = await serve()
    peer = await served.connect()
    raw = request(method="POST", port=served.port, Content_Length="3", Transfer_Encoding="chunked")
    await peer.send(raw + b"3\r\nabc\r\n0\r\n\r\n")
    answer = await peer.answer()
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert await peer.rest() == b""
    assert application.bodies == []


async def test_http_2_is_not_spoken(serve):
    served = await serve()
    prior = await served.connect()
    await prior.feed(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert (await prior.answer()).status == 400
    upgrade = await served.connect()
    await upgrade.send(request(port=served.port, Connection="Upgrade", Upgrade="h2c"))
    assert (await upgrade.answer()).status == 200


async def test_a_websocket_is_answered_as_plain_http(serve):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(port=served.port, Connection="Upgrade", Upgrade="websocket"))
    assert (await peer.answer()).status == 200


async def test_headers_that_dribble_in_end_the_connection(serve):
    served = await serve(header_s=0.1)
    peer = await served.connect()
    await peer.send(b"GET /x HTTP/1.1\r\n")
    with trio.fail_after(S_MAX):
        async with trio.open_nursery() as nursery:

            async def dribble() -> None:
                while True:
                    await peer.feed(b"X: y\r\n")
                    await trio.sleep(0.02)

            nursery.start_soon(dribble)
            assert await peer.rest() == b""
            nursery.cancel_scope.cancel()
    await all_closed(served)


async def test_an_unused_connection_is_closed(serve):
    served = await serve(idle_s=0.05)
    peer = await served.connect()
    with trio.fail_after(S_MAX):
        assert await peer.rest() == b""
    await all_closed(served)


async def test_the_idle_time_counts_from_the_last_answer(serve, clock):
    served = await serve(idle_s=HOUR_S)
    peer = await served.connect()
    for _ in range(4):
        await wait_all_tasks_blocked()
        clock.jump(0.7 * HOUR_S)
        await peer.send(request(port=served.port))
        assert (await peer.answer()).status == 200
    await wait_all_tasks_blocked()
    clock.jump(HOUR_S)
    with trio.fail_after(S_MAX):
        assert await peer.rest() == b""


async def test_a_request_that_takes_long_is_no_idle_connection(serve, application, clock):
    served = await serve(idle_s=HOUR_S)
    peer = await served.connect()
    await peer.send(request("/park", port=served.port))
    await application.parked.wait()
    clock.jump(10 * HOUR_S)
    await wait_all_tasks_blocked()
    assert served.front.open_connections == 1
    await peer.stream.aclose()
    with trio.fail_after(S_MAX):
        await application.disconnected.wait()


async def test_pipelined_requests_are_answered_in_order(serve, application):
    served = await serve()
    peer = await served.connect()
    bodies = [b"one", b"two", b"three"]
    await peer.send(
        b"".join(request(method="POST", port=served.port, body=body) for body in bodies)
    )
    for _ in bodies:
        assert (await peer.answer()).status == 200
    assert application.bodies == bodies


async def test_who_asks_twice_and_closes_his_side_has_asked_twice(serve, application):
    served = await serve()
    peer = await served.connect()
    for body in (b"one", b"two"):
        await peer.send(request(method="POST", port=served.port, body=body))
    await peer.stream.send_eof()
    assert (await peer.rest()).count(b"HTTP/1.1 200 OK") == 2
    assert application.bodies == [b"one", b"two"]
    await all_closed(served)


async def test_half_a_request_behind_a_whole_one_is_told_so(serve, application):
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/hold", port=served.port))
    await application.parked.wait()
    half = request(method="POST", port=served.port, body=b"half of it")[:-5]
    await peer.send(half)
    await peer.stream.send_eof()
    await wait_all_tasks_blocked(0.02)  # until that is read
    application.released.set()
    assert (await peer.answer()).status == 200
    with trio.fail_after(S_MAX):
        assert (await peer.answer()).code == "invalid_request"
        assert await peer.rest() == b""
    await all_closed(served)


async def test_half_a_request_is_reported(serve):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(port=served.port)[:20])
    await peer.stream.send_eof()
    assert (await peer.answer()).code == "invalid_request"
    assert await peer.rest() == b""


async def test_a_client_of_http_1_0_has_one_answer_and_the_end_of_the_connection(serve):
    served = await serve()
    peer = await served.connect()
    await peer.send(request(port=served.port).replace(b"HTTP/1.1", b"HTTP/1.0"))
    answer = await peer.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await peer.rest() == b""


async def test_a_bug_is_reported_and_ends_the_connection(serve, caplog):
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/crash", port=served.port))
    answer = await peer.answer()
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "a bug" in caplog.text
    caplog.clear()
    await serves(served)


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(serve, caplog):
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/break", port=served.port))
    assert (await peer.rest()).endswith(b"\r\n\r\n5\r\nhello\r\n")
    assert "a bug" in caplog.text
    caplog.clear()
    await all_closed(served)


@pytest.mark.parametrize("behind", [b"\r\n", request("/y"), b"x" * 200_000])
async def test_a_hang_up_is_noticed_whatever_came_behind_the_request(serve, application, behind):
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/park", port=served.port) + behind[:60_000])
    await application.parked.wait()
    await wait_all_tasks_blocked()
    await peer.stream.aclose()
    with trio.fail_after(S_MAX):
        await application.disconnected.wait()
    await all_closed(served)
    assert application.bodies == []


async def test_what_comes_while_a_request_is_answered_waits_for_its_turn(serve, application):
    served = await serve()
    peer = await served.connect()
    big = b"x" * 300_000
    await peer.send(request("/hold", port=served.port) + request("/y", port=served.port)[:20])
    await application.parked.wait()
    await wait_all_tasks_blocked()
    async with trio.open_nursery() as nursery:
        last = request(method="POST", port=served.port, body=big)
        nursery.start_soon(peer.send, request("/y", port=served.port)[20:] + last)
        await wait_all_tasks_blocked()
        assert application.bodies == []
        application.released.set()
    for _ in range(3):
        assert (await peer.answer()).status == 200
    assert application.bodies == [b"", b"", big]


async def test_a_connection_leaves_nothing_behind(serve):
    served = await serve()
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            await serves(served)
        await all_closed(served)
        assert not [one for one in gc.get_objects() if isinstance(one, Connection)]
    finally:
        gc.enable()


async def test_five_hundred_idle_connections_hurt_nobody(serve):
    served = await serve()
    peers = [await served.connect() for _ in range(500)]
    for _ in range(5):
        await serves(served)
    assert served.front.open_connections >= 500
    for peer in peers:
        await peer.stream.aclose()
    await all_closed(served)


async def test_with_all_places_taken_the_longest_idle_one_makes_room(serve):
    served = await serve(connections_max=3)
    peers = [await served.connect() for _ in range(3)]
    await until(lambda: served.front.open_connections == 3)
    await serves(served)
    with trio.fail_after(S_MAX):
        assert await peers[0].rest() == b""
    await peers[2].send(request(port=served.port))
    assert (await peers[2].answer()).status == 200


async def test_with_all_places_busy_a_new_peer_is_turned_away(serve, application):
    served = await serve(connections_max=1)
    busy = await served.connect()
    await busy.send(request("/park", port=served.port))
    await application.parked.wait()
    late = await served.connect()
    with trio.fail_after(S_MAX):
        assert await late.rest() == b""
    await busy.stream.aclose()
    await all_closed(served)
    await serves(served)


async def test_a_peer_that_stops_reading_a_stream_is_let_go(serve, application):
    served = await serve(write_s=0.2)
    peer = await served.connect()
    await peer.send(request("/stream", port=served.port))
    with trio.fail_after(S_MAX):
        await application.disconnected.wait()
    await serves(served)
    await all_closed(served)


async def test_a_peer_that_stops_reading_does_not_hold_a_stop(serve):
    served = await serve()
    peer = await served.connect()
    await peer.send(request("/stream", port=served.port))
    await wait_all_tasks_blocked(0.05)  # until no more of it is taken
    await served.front.stop_accepting()
    with trio.fail_after(S_MAX):
        served.front.abort()
        await served.front.wait_closed()
    assert served.front.open_connections == 0


async def test_a_stop_closes_idle_peers_and_lets_answers_finish(serve, application):
    served = await serve()
    idle, busy = await served.connect(), await served.connect()
    await busy.send(request(method="POST", port=served.port, Content_Length="2") + b"h")
    await until(lambda: served.front.open_connections == 2)
    await wait_all_tasks_blocked(0.02)  # until what was sent is read
    await served.front.stop_accepting()
    with trio.fail_after(S_MAX):
        assert await idle.rest() == b""
        await busy.send(b"i")
        answer = await busy.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await busy.rest() == b""
        await busy.stream.aclose()
        await served.front.wait_closed()
    assert application.bodies == [b"hi"]
    with pytest.raises(OSError, match="127"):
        await served.connect()
