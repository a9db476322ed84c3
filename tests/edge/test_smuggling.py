"""What another server might read in another way is refused, with all that stands behind it.

A request that two servers take to end at different places lets one of them see a request in it that
the other has not seen, let alone refused.
"""

from typing import Final

import pytest
import trio

from tests.edge.conftest import PARSERS
from tests.edge.peer import S_MAX

POST: Final = b"POST /x HTTP/1.1\r\nHost: localhost\r\n"
GET: Final = b"GET /x HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED: Final = POST + b"Transfer-Encoding: chunked\r\n"
HIDDEN: Final = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKS: Final = b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
SMUGGLED: Final = {
    "a length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked" + CHUNKS,
    "chunks and a length": CHUNKED + b"Content-Length: 5" + CHUNKS,
    "chunks and no length": CHUNKED + b"Content-Length: 0" + CHUNKS,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "two lengths in one": POST + b"Content-Length: 5, 6\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +5\r\n\r\n",
    "a length below zero": POST + b"Content-Length: -5\r\n\r\n",
    "a length in hexadecimal": POST + b"Content-Length: 0x5\r\n\r\n",
    "a length with a gap": POST + b"Content-Length: 5 5\r\n\r\n",
    "a length with an underscore": POST + b"Content-Length: 5_0\r\n\r\n",
    "a length with a point": POST + b"Content-Length: 5.0\r\n\r\n",
    "a length of nothing": POST + b"Content-Length:\r\n\r\n",
    "a length in other digits": POST + b"Content-Length: \xd9\xa5\r\n\r\n",
    "a length, and the same in other digits": POST
    + b"Content-Length: 5\r\nContent-Length: 05\r\n\r\n",
    "a length of 5,000 digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: xchunked" + CHUNKS,
    "a coding and another": POST + b"Transfer-Encoding: gzip, chunked" + CHUNKS,
    "a coding and none": POST + b"Transfer-Encoding: chunked, identity" + CHUNKS,
    "a coding with a comma": POST + b"Transfer-Encoding: chunked," + CHUNKS,
    "a coding in quotes": POST + b'Transfer-Encoding: "chunked"' + CHUNKS,
    "a coding with a parameter": POST + b"Transfer-Encoding: chunked;a=b" + CHUNKS,
    "a coding behind a vertical tab": POST + b"Transfer-Encoding: \x0bchunked" + CHUNKS,
    "a coding before a NUL": POST + b"Transfer-Encoding: chunked\0" + CHUNKS,
    "a coding twice": CHUNKED + b"Transfer-Encoding: chunked" + CHUNKS,
    "a coding of a client that knows none": b"POST /x HTTP/1.0\r\nHost: localhost\r\n"
    b"Connection: keep-alive\r\nTransfer-Encoding: chunked" + CHUNKS,
    "a coding of nothing": POST + b"Transfer-Encoding:" + CHUNKS,
    "a blank before the colon": POST + b"Transfer-Encoding : chunked" + CHUNKS,
    "a tab before the colon": POST + b"Content-Length\t: 5\r\n\r\n",
    "a blank before a name": b"POST /x HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "a name of nothing": POST + b": x\r\n\r\n",
    "no colon": POST + b"Content-Length 5\r\n\r\n",
    "a name with a bracket": POST + b"Content(Length): 5\r\n\r\n",
    "a folded value": POST + b"X: a\r\n b\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked" + CHUNKS,
    "a folded length": POST + b"Content-Length:\r\n\t5\r\n\r\n",
    "a folded name": POST + b"X: a\r\n Transfer-Encoding: chunked" + CHUNKS,
    "LF behind the request line": b"GET /x HTTP/1.1\nHost: localhost\r\n\r\n",
    "LF behind a request line without a version": b"GET /x\nHost: localhost\r\n\r\n",
    "LF behind a header": GET + b"X: a\nY: b\r\n\r\n",
    "LF behind all headers": GET + b"X: a\r\n\n",
    "LF alone": b"GET /x HTTP/1.1\nHost: localhost\n\n",
    "CR in a value": GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    "CR in the request line": b"GET /x\rHTTP/1.1\r\nHost: localhost\r\n\r\n",
    "CR twice": GET + b"X: a\r\r\n\r\n",
    "CR alone": b"GET /x HTTP/1.1\rHost: localhost\r\r" + b"\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X\0Y: b\r\n\r\n",
    "NUL in the target": b"GET /x\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two blanks in the request line": b"GET  /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a blank behind the request line": b"GET /x HTTP/1.1 \r\nHost: localhost\r\n\r\n",
    "a blank in the target": b"GET /x y HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a tab in the request line": b"GET\t/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a target beyond ASCII": b"GET /\xc3\xbc HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a blank line before it": b"\r\n" + GET + b"\r\n",
    "no version": b"GET /x\r\n\r\n",
    "a version of 0.9": b"GET /x HTTP/0.9\r\nHost: localhost\r\n\r\n",
    "a version of 1.2": b"GET /x HTTP/1.2\r\nHost: localhost\r\n\r\n",
    "a version in small letters": b"GET /x http/1.1\r\nHost: localhost\r\n\r\n",
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: other\r\n\r\n",
    "a chunk with a prefix": CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk with a sign": CHUNKED + b"\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a chunk below zero": CHUNKED + b"\r\n-3\r\nabc\r\n0\r\n\r\n",
    "a chunk with an underscore": CHUNKED + b"\r\n0_3\r\nabc\r\n0\r\n\r\n",
    "a chunk of no size": CHUNKED + b"\r\n\r\nabc\r\n0\r\n\r\n",
    "a chunk whose size overflows 64 bits": CHUNKED + b"\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a chunk of a large size": CHUNKED + b"\r\n" + b"f" * 24 + b"\r\nabc\r\n0\r\n\r\n",
    "a chunk with a blank before": CHUNKED + b"\r\n 3\r\nabc\r\n0\r\n\r\n",
    "a chunk with a blank behind": CHUNKED + b"\r\n3 \r\nabc\r\n0\r\n\r\n",
    "a chunk that ends otherwise": CHUNKED + b"\r\n3\r\nabcXY0\r\n\r\n",
    "a chunk that ends with LF": CHUNKED + b"\r\n3\r\nabc\n0\r\n\r\n",
    "a size that ends with LF": CHUNKED + b"\r\n3\nabc\r\n0\r\n\r\n",
    "a size that ends with CR": CHUNKED + b"\r\n3\rabc\r\n0\r\n\r\n",
    "LF in an extension": CHUNKED + b"\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "CR in an extension": CHUNKED + b"\r\n3;a\rb\r\nabc\r\n0\r\n\r\n",
    "NUL in an extension": CHUNKED + b"\r\n3;a\0b\r\nabc\r\n0\r\n\r\n",
    "an extension of 10 KB": CHUNKED + b"\r\n3;" + b"a" * 10_000 + b"\r\nabc\r\n0\r\n\r\n",
    "LF behind a trailer": CHUNKED + b"\r\n0\r\nX: a\n\r\n\r\n",
    "CR in a trailer": CHUNKED + b"\r\n0\r\nX: a\rb\r\n\r\n",
    "a folded trailer": CHUNKED + b"\r\n0\r\nX: a\r\n b\r\n\r\n",
    "a thousand trailers": CHUNKED + b"\r\n0\r\n" + b"X: a\r\n" * 1000 + b"\r\n",
    "LF behind the last chunk": CHUNKED + b"\r\n3\r\nabc\r\n0\n\n",
    "LF for the last line": CHUNKED + b"\r\n3\r\nabc\r\n0\r\n\n",
    "a trailer with a blank": CHUNKED + b"\r\n0\r\nX : a\r\n\r\n",
}
MISDIRECTED: Final = {
    "the whole address": b"GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "the address of another": b"GET http://other/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an authority": b"CONNECT other:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.fixture(params=PARSERS)
def make_parser(request):
    return request.param


@pytest.mark.parametrize("raw", SMUGGLED.values(), ids=SMUGGLED)
async def test_it_is_refused_with_all_that_stands_behind_it(serve, application, raw):
    served = await serve(allowed_hosts=("localhost",))
    peer = await served.connect()
    await peer.feed(raw + HIDDEN)
    with trio.fail_after(S_MAX):
        assert (await peer.answer()).status == 400
        assert await peer.rest() == b""
    assert application.bodies == []


@pytest.mark.parametrize("raw", MISDIRECTED.values(), ids=MISDIRECTED)
async def test_what_is_no_path_is_refused_alone_as_its_end_is_in_no_doubt(serve, application, raw):
    served = await serve(allowed_hosts=("localhost",))
    peer = await served.connect()
    await peer.feed(raw + HIDDEN)
    assert (await peer.answer()).code == "invalid_request"
    assert (await peer.answer()).status == 200
    assert application.bodies == [b""]


@pytest.mark.parametrize(
    "framed", [b"\r\n", b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked" + CHUNKS]
)
async def test_an_upgrade_is_not_taken_and_what_stands_behind_it_is_the_next_request(
    serve, application, framed
):
    served = await serve(allowed_hosts=("localhost",))
    peer = await served.connect()
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    await peer.send(POST + upgrade + framed + HIDDEN)
    for _ in range(2):
        assert (await peer.answer()).status == 200
    assert application.bodies == [b"abc" if b"abc" in framed else b"", b""]


async def test_what_is_in_no_doubt_is_answered(serve, application):
    served = await serve(allowed_hosts=("localhost",))
    peer = await served.connect()
    await peer.send(POST + b"Content-Length: 3\r\n\r\nabc")
    await peer.send(POST + b"content-LENGTH:3\r\n\r\nabc")
    await peer.send(POST + b"Content-Length: \t3 \r\n\r\nabc")
    await peer.send(POST + b"tRANSFER-eNCODING: CHUNKED" + CHUNKS)
    await peer.send(CHUNKED + b'\r\n3;a="b";c\r\nabc\r\n0\r\nX: a\r\n\r\n')
    for _ in range(5):
        assert (await peer.answer()).status == 200
    assert application.bodies == [b"abc"] * 5
