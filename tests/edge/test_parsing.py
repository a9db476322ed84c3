"""Bytes to requests, without a socket."""

import pytest

from chargehand.web.parsing import H11Parser, MalformedRequest, Progress, RequestHead

POST = b"POST /x?a=b HTTP/1.1\r\nHost: h\r\n"


def parsed(*parts: bytes) -> tuple[list[RequestHead | bytes | Progress], bytes]:
    """What a parser says of the parts, up to the end of the request, and what is left behind it."""
    parser, said = H11Parser(), []
    for part in parts:
        parser.feed(part)
        while (event := parser.advance()) is not Progress.NEEDS_DATA:
            said.append(event)
            if isinstance(event, Progress):
                return said, parser.rest()
    return said, b""


def head_of(raw: bytes) -> RequestHead:
    said, _ = parsed(raw)
    head = said[0]
    assert isinstance(head, RequestHead)
    return head


def test_a_request_is_a_head_the_pieces_of_its_body_and_an_end():
    said, rest = parsed(POST + b"Content-Length: 5\r\n\r\nhe", b"llo", b"")
    head = said[0]
    assert (head.method, head.target, head.version) == ("POST", b"/x?a=b", "1.1")
    assert head.headers == [(b"host", b"h"), (b"content-length", b"5")]
    assert (head.has_body, head.content_length, head.is_chunked) == (True, 5, False)
    assert said[1:] == [b"he", b"llo", Progress.IS_WHOLE]
    assert rest == b""


def test_what_comes_behind_a_request_is_left():
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    said, rest = parsed(chunked + POST)
    assert said[1:] == [b"abc", Progress.IS_WHOLE]
    assert (said[0].has_body, said[0].content_length, said[0].is_chunked) == (True, None, True)
    assert rest == POST


def test_a_peer_that_closes_before_a_request_has_made_none():
    assert parsed(b"") == ([Progress.IS_OVER], b"")


@pytest.mark.parametrize("left", [b"POST /x", POST, POST + b"Content-Length: 5\r\n\r\nhe"])
def test_a_peer_that_closes_within_one_has_not_made_it(left):
    with pytest.raises(MalformedRequest):
        parsed(left, b"")


@pytest.mark.parametrize(
    ("raw", "keeps_alive"),
    [
        (POST + b"\r\n", True),
        (POST + b"Connection: keep-alive\r\n\r\n", True),
        (POST + b"Connection: Upgrade, Close\r\nUpgrade: x\r\n\r\n", False),
        (b"GET /x HTTP/1.0\r\n\r\n", False),
    ],
)
def test_who_may_send_another_request(raw, keeps_alive):
    assert head_of(raw).keeps_alive is keeps_alive


def test_a_method_is_one_in_any_case():
    assert head_of(b"head /x HTTP/1.1\r\nHost: h\r\n\r\n").method == "HEAD"


def test_a_client_that_wants_to_be_asked_speaks_1_1():
    asks = b"Host: h\r\nExpect: 100-Continue\r\nConnection: close\r\n\r\n"
    assert head_of(b"POST /x HTTP/1.1\r\n" + asks).expects_continue
    assert not head_of(b"POST /x HTTP/1.0\r\n" + asks).expects_continue


def test_a_content_length_that_is_said_twice_alike_is_one():
    assert head_of(POST + b"Content-Length: 5, 5\r\n\r\n").content_length == 5
