"""Ids: a prefix and a lowercase suffix that rises with time and cannot be guessed.

The suffix is 12 hex digits of milliseconds since 1970 and 12 of randomness, so that ids made one
after another lie side by side in a table, and equal times sort by id as they sort by age.
"""

import re
import secrets
from typing import Protocol

_CALLERS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


class IdSource(Protocol):
    """Gives new suffixes; tests bring one that counts."""

    def suffix(self, now_ns: int) -> str:
        """A new suffix of 24 characters."""


class RandomIds:
    """The source that the server uses."""

    def suffix(self, now_ns: int) -> str:
        return f"{now_ns // 1_000_000:012x}{secrets.token_hex(6)}"


def valid_task_id(text: str) -> bool:
    """Whether a caller may choose `text` as a task's id."""
    return _CALLERS_ID.fullmatch(text) is not None


def valid_session_id(text: str) -> bool:
    """Whether a caller may choose `text` as a session's id; `@` is allowed besides."""
    return _SESSION_ID.fullmatch(text) is not None
