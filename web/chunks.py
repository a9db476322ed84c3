"""A body that comes in chunks, read strictly: where it ends is in no doubt (RFC 9112, section 7.1).

h11 skips whatever stands in the extension of a chunk or among the trailers. Nobody here looks at
either, but another server may take a part of them for the end of the request.
"""

import re
from enum import Enum, auto
from typing import Final, final

from chargehand.web.parsing import NOT_HTTP, MalformedRequest, Progress

LINE_BYTES_MAX: Final = 4096  # of a chunk's size with its extensions, or of a trailer
TRAILERS_MAX: Final = 64

_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
_NEWLINE: Final = b"\r\n"


class _Next(Enum):
    """What comes next."""

    SIZE = auto()
    DATA = auto()
    END_OF_DATA = auto()
    TRAILER = auto()
    NOTHING = auto()


@final
class ChunkedBody:
    """Reads one body. Args: data: what came behind the head."""

    def __init__(self, data: bytes, is_over: bool) -> None:
        self._data = data
        self._at = 0  # what stands before is read
        self._is_over = is_over
        self._next = _Next.SIZE
        self._left = 0  # of the chunk
        self._trailers = 0

    def feed(self, data: bytes) -> None:
        """Take in what came; nothing: the peer has closed."""
        self._data = self._data[self._at :] + data
        self._at = 0
        self._is_over = not data

    def advance(self) -> bytes | Progress:
        """The next piece of the body. Raises: MalformedRequest: it is none, or was cut short."""
        while self._next is not _Next.NOTHING:
            if self._next is _Next.DATA:
                if piece := self._data[self._at : self._at + self._left]:
                    self._at += len(piece)
                    self._left -= len(piece)
                    if not self._left:
                        self._next = _Next.END_OF_DATA
                    return piece
            elif (line := self._line()) is not None:
                self._read(line)
                continue
            if self._is_over:
                raise MalformedRequest(NOT_HTTP)
            return Progress.NEEDS_DATA
        return Progress.IS_WHOLE

    def rest(self) -> bytes:
        """What came behind it."""
        return self._data[self._at :]

    def _line(self) -> bytes | None:
        """The next line without its end; None: it has not come as a whole."""
        end = self._data.find(_NEWLINE, self._at, self._at + LINE_BYTES_MAX)
        if end < 0:
            if len(self._data) - self._at >= LINE_BYTES_MAX:
                raise MalformedRequest(NOT_HTTP)
            return None
        line = self._data[self._at : end]
        self._at = end + len(_NEWLINE)
        return line

    def _read(self, line: bytes) -> None:
        if self._next is _Next.SIZE:
            found = _SIZE.fullmatch(line)
            if found is None:
                raise MalformedRequest(NOT_HTTP)
            self._left = int(found[1], 16)
            self._next = _Next.DATA if self._left else _Next.TRAILER
        elif not line:
            is_last = self._next is _Next.TRAILER
            self._next = _Next.NOTHING if is_last else _Next.SIZE
        elif self._next is _Next.TRAILER and _TRAILER.fullmatch(line):
            self._trailers += 1
            if self._trailers > TRAILERS_MAX:
                raise MalformedRequest(NOT_HTTP)
        else:
            raise MalformedRequest(NOT_HTTP)
