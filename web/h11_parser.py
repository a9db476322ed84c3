"""Reads requests with h11; no other module knows it."""

import re
from typing import Final, final

import h11

from chargehand.web.chunks import ChunkedBody
from chargehand.web.parsing import (
    HEADER_BYTES_MAX,
    HEADERS_MAX,
    NOT_HTTP,
    MalformedRequest,
    Progress,
    RequestHead,
    head_of,
)
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

_HEADERS_TOO_LARGE: Final = 431
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_BLANK_LINE_BYTES_MAX: Final = 3

_LONG_HEADERS: Final = Refusal.of(
    EdgeCode.HEADERS_TOO_LARGE,
    f"the headers have more than {HEADER_BYTES_MAX} bytes",
    "send fewer or shorter ones",
)
_MANY_HEADERS: Final = Refusal.of(
    EdgeCode.HEADERS_TOO_LARGE,
    f"the request has more than {HEADERS_MAX} headers",
    "send fewer",
)


@final
class H11Parser:
    """h11, as far as it reads: a `RequestParser`.

    h11 takes a bare LF for the end of a line, and joins folded ones. Both are allowed, and what
    another server reads in another way; they are refused.
    """

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)
        self._raw: bytearray | None = bytearray()  # until there is a head
        self._searched = 0  # of it, for the end of the head
        self._chunks: ChunkedBody | None = None

    def feed(self, data: bytes) -> None:
        if self._chunks is not None:
            self._chunks.feed(data)
            return
        self._connection.receive_data(data)
        if self._raw is not None:
            self._raw += data

    def advance(self) -> RequestHead | bytes | Progress:
        if self._chunks is not None:
            return self._chunks.advance()
        if self._raw is not None:
            self._look_for_head(self._raw)
        try:
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            too_large = error.error_status_hint == _HEADERS_TOO_LARGE
            raise MalformedRequest(_LONG_HEADERS if too_large else NOT_HTTP) from error
        match event:
            case h11.Request():
                headers = [(name.lower(), value) for name, value in event.headers.raw_items()]
                head = head_of(event.method, event.target, event.http_version, headers)
                if head.is_chunked:
                    self._chunks = ChunkedBody(*self._connection.trailing_data)
                return head
            case h11.Data(data=data):
                return bytes(data)
            case h11.EndOfMessage():
                return Progress.IS_WHOLE
            case h11.ConnectionClosed():
                return Progress.IS_OVER
            case _:
                return Progress.NEEDS_DATA

    def rest(self) -> bytes:
        if self._chunks is not None:
            return self._chunks.rest()
        return self._connection.trailing_data[0]

    def _look_for_head(self, raw: bytearray) -> None:
        """Check a head before h11 reads it, which may take long.

        Raises: MalformedRequest: it is too large, or a line of it is folded, or does not end as it
            should.
        """
        found = _BLANK_LINE.search(raw, max(0, self._searched - _BLANK_LINE_BYTES_MAX + 1))
        self._searched = len(raw)
        if found is None:
            return
        self._raw = None
        head = raw[: found.end()]
        lines = head.count(b"\n")
        if lines != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
            raise MalformedRequest(NOT_HTTP)
        if len(head) > HEADER_BYTES_MAX:
            raise MalformedRequest(_LONG_HEADERS)
        if lines - 2 > HEADERS_MAX:
            raise MalformedRequest(_MANY_HEADERS)
