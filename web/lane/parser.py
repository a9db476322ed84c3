"""Reads requests with httptools, and leaves what is not plainly written to h11.

httptools is fast, and lets through some things that are no HTTP, or that others read in another
way: a line that ends with a bare LF, say. So its reading of a head is taken where every line of
that is accounted for; the body is as long as the head says. Of anything else, and of what httptools
refuses, h11 is the judge. So both listeners take and refuse the same, in the same words.
"""

import re
from typing import Final, final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from chargehand.web.h11_parser import H11Parser
from chargehand.web.parsing import (
    HEADER_BYTES_MAX,
    HEADERS_MAX,
    NOT_HTTP,
    MalformedRequest,
    Progress,
    RequestHead,
    head_of,
)

_END: Final = b"\r\n\r\n"
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")


@final
class LaneParser:
    """A `RequestParser`. What it has read of a body it does not keep."""

    __slots__ = ("_h11", "_head", "_is_over", "_left", "_unread")

    def __init__(self) -> None:
        self._head: RequestHead | None = None  # that is to be reported
        self._left: int | None = None  # bytes of the body that are to come; None: no head as yet
        self._unread = b""
        self._is_over = False
        self._h11: H11Parser | None = None  # which reads it instead

    def feed(self, data: bytes) -> None:
        if self._h11 is not None:
            self._h11.feed(data)
        elif self._left is not None:
            self._unread = self._unread + data if self._unread else data
            self._is_over = not data
        elif (found := plain_head(data)) is not None:
            self._head, self._unread = found
            self._left = self._head.content_length or 0
        else:
            self._h11 = H11Parser()
            self._h11.feed(data)

    def advance(self) -> RequestHead | bytes | Progress:
        if self._h11 is not None:
            return self._h11.advance()
        if self._head is not None:
            head, self._head = self._head, None
            return head
        if self._left is None:
            return Progress.NEEDS_DATA
        if self._left == 0:
            return Progress.IS_WHOLE
        if self._unread:
            piece, self._unread = self._unread[: self._left], self._unread[self._left :]
            self._left -= len(piece)
            return piece
        if self._is_over:
            raise MalformedRequest(NOT_HTTP)
        return Progress.NEEDS_DATA

    def rest(self) -> bytes:
        return self._unread if self._h11 is None else self._h11.rest()


@final
class _Parsed:
    """What httptools reports of a head."""

    __slots__ = ("headers", "target")

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def plain_head(data: bytes) -> tuple[RequestHead, bytes] | None:
    """The head that `data` begins with and what stands behind it; None: it is not plainly one."""
    end = data.find(_END) + len(_END)
    if not len(_END) <= end <= HEADER_BYTES_MAX:
        return None
    raw = data[:end]
    lines = raw.count(b"\r\n")
    if lines - 2 > HEADERS_MAX:
        return None
    parsed = _Parsed()
    parser = HttpRequestParser(parsed)
    try:
        parser.feed_data(raw)
    except (HttpParserError, HttpParserUpgrade):  # the latter asks for another protocol
        return None
    method = parser.get_method()
    target, headers = parsed.target, parsed.headers
    if len(headers) + 2 != lines or not _is_accounted_for(raw, lines, method, target):
        return None
    if not _has_plain_body(headers):
        return None
    return head_of(method, target, b"1.1", headers), data[end:]


def _is_accounted_for(raw: bytes, lines: int, method: bytes, target: bytes) -> bool:
    """Whether a head of so many lines that end with CR LF has no others, and nothing that one of
    both parsers passes over."""
    return (
        raw.startswith(b"%b %b HTTP/1.1\r\n" % (method, target))
        and raw.count(b"\n") == lines
        and raw.count(b"\r") == lines
        and b" \r" not in raw
        and b"\t\r" not in raw
        and _TARGET.fullmatch(target) is not None
    )


def _has_plain_body(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether there is one host, and a body, if there is any, of one length that is stated once."""
    hosts = lengths = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            lengths += 1
            if not _LENGTH.fullmatch(value):
                return False
        elif name == b"transfer-encoding":
            return False
    return hosts == 1 and lengths <= 1
