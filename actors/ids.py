"""Ids: a prefix and a lowercase suffix that rises with time and cannot be guessed.

The suffix is 12 hex digits of milliseconds since 1970 and 12 of randomness, so that ids made one
after another lie side by side in a table. Where the wall was set back they do not, and are unique
all the same: nothing relies on their order.
"""

import os
import re
from typing import Protocol

_CALLERS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


class IdSource(Protocol):
    """Gives new suffixes; tests bring one that counts."""

    def suffix(self, now_ns: int) -> str:
        """A new suffix of 24 characters."""


class Randomness:
    """Unguessable bytes, drawn from the system in blocks.

    A draw costs 1 µs alone, but lets go of the interpreter lock: beside a busy writer thread it
    cost 18 µs, more than the decision that the id is for.
    """

    _BLOCK_BYTES = 8192

    def __init__(self) -> None:
        self._block = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes; none is given out twice."""
        start = self._used
        if start + count > len(self._block):
            self._block = os.urandom(self._BLOCK_BYTES)
            start = 0
        self._used = start + count
        return self._block[start : self._used]


class RandomIds:
    """The source that the server uses."""

    def __init__(self) -> None:
        self._randomness = Randomness()
        self._millisecond, self._prefix = 0, ""  # of the id before: many are made in one

    def suffix(self, now_ns: int) -> str:
        millisecond = now_ns // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond, self._prefix = millisecond, f"{millisecond:012x}"
        return self._prefix + self._randomness.take(6).hex()


def valid_task_id(text: str) -> bool:
    """Whether a caller may choose `text` as a task's id."""
    return _CALLERS_ID.fullmatch(text) is not None


def valid_node_name(text: str) -> bool:
    """Whether an operator may give one of several nodes the name `text`: as a caller a task."""
    return valid_task_id(text)


def valid_session_id(text: str) -> bool:
    """Whether a caller may choose `text` as a session's id; `@` is allowed besides."""
    return _SESSION_ID.fullmatch(text) is not None
