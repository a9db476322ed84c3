"""An answer to bytes: the head, and how its body is told apart from what follows."""

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import Final, final

from chargehand.web.parsing import RequestHead
from chargehand.web.refusal import RawHeaders

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_BODILESS: Final = frozenset({204, 304})
_OURS: Final = frozenset({b"connection", b"transfer-encoding", b"date"})
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus
}


@final
class AnswerFraming:
    """Frames one answer: its head, then each piece, then the end.

    A body of a declared length goes out as it is, another one in chunks; to a client of HTTP/1.0,
    which knows none, it ends with the connection.

    Args:
        request: the head of what is answered; None: it could not be read.
        headers: names in lower case. A declared length is held to.
        close: the connection ends with the answer.

    Raises:
        ValueError: a header would be another's beginning.
    """

    __slots__ = ("_is_chunked", "_left", "closes", "has_body", "head")

    def __init__(
        self, request: RequestHead | None, status: int, headers: RawHeaders, close: bool
    ) -> None:
        is_head = request is not None and request.method == "HEAD"
        self.has_body = not is_head and status not in _BODILESS
        self._left: int | None = None
        self._is_chunked = False
        self.closes = close
        lines = [_status_line(status), _date_line(int(time()))]
        for name, value in headers:
            if name in _OURS:
                self.closes = self.closes or (name == b"connection" and value == b"close")
            elif name == b"content-length":
                if status not in _BODILESS:
                    self._left = int(value)
                    lines.append(b"content-length: " + value)
            else:
                lines.append(b"%b: %b" % (name, value))
        if self._left is None and status not in _BODILESS:
            if request is not None and request.version == "1.1":
                self._is_chunked = True
                lines.append(b"transfer-encoding: chunked")
            else:
                self.closes = True
        if self.closes:
            lines.append(b"connection: close")
        lines.append(b"\r\n")
        self.head = b"\r\n".join(lines)
        _check(self.head, len(lines))

    @property
    def is_stream(self) -> bool:
        """Whether it goes on for as long as whoever answers likes."""
        return self.has_body and self._left is None

    def piece(self, data: bytes) -> bytes:
        """Raises: ValueError: it is longer than was declared."""
        if not self.has_body or not data:
            return b""
        if self._is_chunked:
            return b"%x\r\n%b\r\n" % (len(data), data)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise ValueError("the body is longer than its content-length")
        return data

    def end(self) -> bytes:
        """Raises: ValueError: the body was shorter than was declared."""
        if not self.has_body:
            return b""
        if self._left:
            raise ValueError("the body is shorter than its content-length")
        return b"0\r\n\r\n" if self._is_chunked else b""


def _status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status


@lru_cache(maxsize=1)
def _date_line(now_s: int) -> bytes:
    return b"date: " + formatdate(now_s, usegmt=True).encode()


def _check(head: bytes, lines: int) -> None:
    """A header with a line break in it would begin another one, or the body."""
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise ValueError("a header of the answer has a line break in it")
