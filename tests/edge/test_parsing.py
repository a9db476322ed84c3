"""Bytes to requests, without a socket."""

from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargehand.web.h11_parser import H11Parser
from chargehand.web.lane.parser import LaneParser, plain_head
from chargehand.web.parsing import (
    MalformedRequest,
    ParserFactory,
    Progress,
    RequestHead,
)
from tests.edge.conftest import PARSERS
from tests.edge.test_smuggling import HIDDEN, SMUGGLED

POST = b"POST /x?a=b HTTP/1.1\r\nHost: h\r\n"


Said = tuple[list[RequestHead | bytes | Progress], bytes]


def said_by(make_parser: ParserFactory, *parts: bytes) -> Said:
    """What a parser says of the parts, up to the end of the request, and what is left behind it."""
    parser, said = make_parser(), []
    for part in parts:
        parser.feed(part)
        while (event := parser.advance()) is not Progress.NEEDS_DATA:
            said.append(event)
            if isinstance(event, Progress):
                return said, parser.rest()
    return said, b""


@pytest.fixture(params=PARSERS)
def parsed(request):
    return lambda *parts: said_by(request.param, *parts)


@pytest.fixture
def head_of(parsed):
    def first(raw: bytes) -> RequestHead:
        head = parsed(raw)[0][0]
        assert isinstance(head, RequestHead)
        return head

    return first


def test_a_request_is_a_head_the_pieces_of_its_body_and_an_end(parsed):
    said, rest = parsed(POST + b"Content-Length: 5\r\n\r\nhe", b"llo", b"")
    head = said[0]
    assert (head.method, head.target, head.version) == ("POST", b"/x?a=b", "1.1")
    assert head.headers == [(b"host", b"h"), (b"content-length", b"5")]
    assert (head.has_body, head.content_length, head.is_chunked) == (True, 5, False)
    assert said[1:] == [b"he", b"llo", Progress.IS_WHOLE]
    assert rest == b""


def test_what_comes_behind_a_request_is_left(parsed):
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    said, rest = parsed(chunked + POST)
    assert said[1:] == [b"abc", Progress.IS_WHOLE]
    assert (said[0].has_body, said[0].content_length, said[0].is_chunked) == (True, None, True)
    assert rest == POST


def test_a_peer_that_closes_before_a_request_has_made_none(parsed):
    assert parsed(b"") == ([Progress.IS_OVER], b"")


@pytest.mark.parametrize("left", [b"POST /x", POST, POST + b"Content-Length: 5\r\n\r\nhe"])
def test_a_peer_that_closes_within_one_has_not_made_it(parsed, left):
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
def test_who_may_send_another_request(head_of, raw, keeps_alive):
    assert head_of(raw).keeps_alive is keeps_alive


def test_a_method_is_one_in_any_case(head_of):
    assert head_of(b"head /x HTTP/1.1\r\nHost: h\r\n\r\n").method == "HEAD"


def test_a_client_that_wants_to_be_asked_speaks_1_1(head_of):
    asks = b"Host: h\r\nExpect: 100-Continue\r\nConnection: close\r\n\r\n"
    assert head_of(b"POST /x HTTP/1.1\r\n" + asks).expects_continue
    assert not head_of(b"POST /x HTTP/1.0\r\n" + asks).expects_continue


def test_a_content_length_that_is_said_twice_alike_is_one(head_of):
    assert head_of(POST + b"Content-Length: 5, 5\r\n\r\n").content_length == 5


def read(make_parser: ParserFactory, parts: list[bytes]) -> Any:
    """All that a parser has to say of the parts, in a form that does not tell how it was cut."""
    try:
        said, rest = said_by(make_parser, *parts)
    except MalformedRequest as malformed:
        return malformed.refusal.problem
    head = [attrs.astuple(one) for one in said if isinstance(one, RequestHead)]
    body = b"".join(one for one in said if isinstance(one, bytes))
    return head, body, [one for one in said if isinstance(one, Progress)], rest


def any_case(text: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from([text, text, text.lower(), text.upper(), text.swapcase()])


BLANKS = st.sampled_from([b" ", b" ", b" ", b"", b"  ", b"\t", b" \x0b"])
ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\r\n ", b" \r\n", b"\t\r\n"])
LENGTHS = st.sampled_from(
    [b"0", b"1", b"3", b"3", b"30", b"03", b"3,3", b"3, 4", b"+3", b"", b"9" * 21]
)
CODINGS = st.sampled_from([b"chunked", b"Chunked", b"gzip", b"chunked, chunked", b""])
HEADERS = st.one_of(
    st.tuples(any_case(b"Host"), st.sampled_from([b"h", b"h:1", b""])),
    st.tuples(any_case(b"Content-Length"), LENGTHS),
    st.tuples(any_case(b"Transfer-Encoding"), CODINGS),
    st.tuples(any_case(b"Connection"), st.sampled_from([b"close", b"keep-alive", b"Upgrade"])),
    st.tuples(any_case(b"Upgrade"), st.sampled_from([b"h2c", b"websocket"])),
    st.tuples(any_case(b"Expect"), st.sampled_from([b"100-continue", b"x"])),
    st.tuples(st.binary(min_size=1, max_size=3), st.binary(max_size=4)),
    st.tuples(st.sampled_from([b"X", b"X-AGH-Agent"]), st.binary(max_size=6)),
)
METHODS = st.sampled_from(
    [b"GET", b"POST", b"POST", b"post", b"CONNECT", b"FOO", b"PRI", b"M-SEARCH"]
)
TARGETS = st.sampled_from([b"/x", b"/x?a#b", b"*", b"http://h/x", b"h:80", b"/\xff", b"/\x7f", b""])
VERSIONS = st.sampled_from(
    [b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.10", b"http/1.1", b""]
)
BODIES = st.sampled_from([b"", b"abc", b"ab", b"3\r\nabc\r\n0\r\n\r\n", b"abcGET / HTTP/1.1\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Something like a request; in most of them little is wrong."""
    line = draw(METHODS) + draw(BLANKS) + draw(TARGETS) + draw(BLANKS) + draw(VERSIONS) + draw(ENDS)
    if draw(st.booleans()):
        line = b"POST /x HTTP/1.1\r\n"
    named = draw(st.lists(HEADERS, max_size=4))
    lines = [name + b":" + draw(BLANKS) + value + draw(ENDS) for name, value in named]
    if draw(st.integers(0, 3)):
        lines.insert(0, b"Host: h\r\n")
    return line + b"".join(lines) + draw(ENDS) + draw(BODIES)


@given(raw=requests(), cuts=st.lists(st.integers(0, 120), max_size=3), ends=st.booleans())
@example(raw=b"GET /x\nHost: a\r\nContent-Length: 3\r\n\r\nabc", cuts=[], ends=False)
def test_both_parsers_read_the_same(raw, cuts, ends):
    places = sorted({0, *(cut for cut in cuts if cut < len(raw)), len(raw)})
    parts = [raw[start:stop] for start, stop in pairwise(places)]
    if ends:
        parts.append(b"")
    assert read(LaneParser, parts) == read(H11Parser, parts)


@pytest.mark.parametrize("raw", SMUGGLED.values(), ids=SMUGGLED)
def test_both_parsers_refuse_the_same(raw):
    parts = [raw, HIDDEN]
    assert read(LaneParser, parts) == read(H11Parser, parts)


@pytest.mark.parametrize("body", [b"", b"Content-Length: 3\r\n"])
def test_what_is_plainly_written_is_read_by_the_fast_one(body):
    head, rest = plain_head(POST + b"X-AGH-Agent: a b\r\n" + body + b"\r\nabc")
    assert (head.method, head.target, rest) == ("POST", b"/x?a=b", b"abc")


def test_chunks_are_read_wherever_they_were_cut(parsed):
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    chunks = b'3;a="b"\r\nabc\r\nA \t;c\r\n0123456789\r\n00\r\nX: a\r\nY:\r\n\r\n'
    raw = head + chunks + b"GET"
    for first in range(1, len(raw)):
        for second in (first + 1, first + 2, len(raw)):
            said, rest = parsed(raw[:first], raw[first:second], raw[second:])
            assert b"".join(said[1:-1]) == b"abc0123456789"
            assert said[-1] is Progress.IS_WHOLE
            assert b"GET".startswith(rest)


@pytest.mark.parametrize("left", [b"", b"3", b"3\r\nab", b"3\r\nabc", b"3\r\nabc\r\n0\r\n"])
def test_a_peer_that_closes_within_chunks_has_not_made_a_request(parsed, left):
    with pytest.raises(MalformedRequest):
        parsed(POST + b"Transfer-Encoding: chunked\r\n\r\n" + left, b"")
