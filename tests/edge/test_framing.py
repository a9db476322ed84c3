"""Answers to bytes, without a socket."""

import h11
import pytest

from chargehand.web.framing import AnswerFraming
from chargehand.web.parsing import RequestHead

LENGTH = (b"content-length", b"5")


def head(method: str = "GET", version: str = "1.1") -> RequestHead:
    return RequestHead(method, b"/x", version, [(b"host", b"h")])


def read_by_a_client(method: str, raw: bytes) -> tuple[h11.Response, bytes, bool]:
    """The response, its body, and whether the connection goes on."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/x", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    response, body = client.next_event(), b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return response, body, client.their_state is h11.DONE


@pytest.mark.parametrize("headers", [[LENGTH], []])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_reads_what_was_sent(method, headers):
    framing = AnswerFraming(head(method), 200, [*headers, (b"etag", b"7")], close=False)
    raw = framing.head + framing.piece(b"he") + framing.piece(b"") + framing.piece(b"llo")
    response, body, goes_on = read_by_a_client(method, raw + framing.end())
    assert body == (b"hello" if method == "GET" else b"")
    told = dict(response.headers)
    assert told.pop(b"date").endswith(b"GMT")
    expected = dict(headers) or {b"transfer-encoding": b"chunked"}
    assert told == {b"etag": b"7", **expected}
    assert goes_on
    assert not framing.closes


def test_a_client_of_1_0_knows_no_chunks():
    framing = AnswerFraming(head(version="1.0"), 200, [], close=False)
    assert framing.closes
    assert framing.piece(b"hello") + framing.end() == b"hello"
    assert b"connection: close" in framing.head
    assert b"chunked" not in framing.head


@pytest.mark.parametrize("status", [204, 304])
def test_what_has_no_body_has_no_length(status):
    framing = AnswerFraming(head(), status, [(b"content-length", b"0")], close=True)
    raw = framing.head + framing.piece(b"hello") + framing.end()
    response, body, goes_on = read_by_a_client("GET", raw)
    assert (response.status_code, body, goes_on) == (status, b"", False)
    assert b"length" not in framing.head
    assert b"chunked" not in framing.head


def test_an_application_that_closes_is_heard():
    framing = AnswerFraming(head(), 200, [LENGTH, (b"connection", b"close")], close=False)
    assert framing.closes
    assert framing.head.count(b"connection") == 1


def test_a_declared_length_is_held_to():
    framing = AnswerFraming(head(), 200, [LENGTH], close=False)
    framing.piece(b"hell")
    with pytest.raises(ValueError, match="shorter"):
        framing.end()
    with pytest.raises(ValueError, match="longer"):
        framing.piece(b"o!")


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\n", b"\r", b"a\0"])
def test_a_header_is_never_two(value):
    with pytest.raises(ValueError, match="line break"):
        AnswerFraming(head(), 200, [(b"x", value)], close=False)
