"""Reads requests with h11; no other module knows it."""

import re
from typing import Final, final

import h11

from chargehand.web.chunks import ChunkedBody
from chargehand.web.parsing import (
    HEADER_BYTES_MAX,
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

_HEADERS_REFUSAL: Final = Refusal.of(
    EdgeCode.HEADERS_TOO_LARGE,
    f"the headers have more than {HEADER_BYTES_MAX} bytes",
    "send fewer or shorter ones",
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
        try:
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            too_large = error.error_status_hint == _HEADERS_TOO_LARGE
            raise MalformedRequest(_HEADERS_REFUSAL if too_large else NOT_HTTP) from error
        match event:
            case h11.Request():
                self._check_lines()
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

    def _check_lines(self) -> None:
        """Raises: MalformedRequest: a line of the head does not end as it should, or is folded."""
        assert self._raw is not None, "a request has one head"
        end = _BLANK_LINE.search(self._raw)
        head = self._raw if end is None else self._raw[: end.end()]
        self._raw = None
        if head.count(b"\n") != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
            raise MalformedRequest(NOT_HTTP)
