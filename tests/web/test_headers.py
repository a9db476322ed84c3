"""Headers of a request are found by name, and one that is sent in pieces is read as one."""

from chargehand.web.headers import RequestHeaders

HEADERS = RequestHeaders(
    ((b"if-match", b'"1"'), (b"x-agh-agent", b"Gr\xfc\xdfe"), (b"if-match", b'"2"'))
)


def test_a_header_is_found_whatever_the_case_of_its_name():
    assert HEADERS.get("X-AGH-Agent") == HEADERS.get("x-agh-agent") == "Grüße"


def test_a_header_that_is_not_there_is_none():
    assert HEADERS.get("Idempotency-Key") is None


def test_a_header_that_was_sent_twice_is_a_list():
    assert HEADERS.get("If-Match") == '"1", "2"'
