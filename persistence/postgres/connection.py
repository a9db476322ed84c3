"""A connection that is made anew when it was lost, and that hears every warning."""

import contextlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chargehand.persistence.postgres.address import JournalAddress

CONNECT_S_MAX: Final = 5
_PREPARE_AFTER: Final = 3
# A peer that has vanished is noticed in seconds, not in the hours of TCP's own patience.
_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_S_MAX,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
    "target_session_attrs": "read-write",
    "application_name": "chargehand",
}

Rows = list[tuple[Any, ...]]
Values = Sequence[object] | Mapping[str, object]


@final
class Database:
    """Each statement is a transaction of its own. Used by one thread, but for `interrupt`.

    Attributes:
        warnings: what the server said besides, since somebody cleared them.
    """

    def __init__(self, address: JournalAddress) -> None:
        self.address = address
        self.warnings: list[str] = []
        self._connection: psycopg.Connection[Any] | None = None

    def rows(self, text: str, values: Values = ()) -> Rows:
        """What a statement returns. Raises: psycopg.Error."""
        found: Rows = self.connected().execute(self._named(text), values, binary=True).fetchall()
        return found

    def change(self, text: str, values: Values = ()) -> int:
        """How many rows a statement has changed. Raises: psycopg.Error."""
        count: int = self.connected().execute(self._named(text), values).rowcount
        return count

    def connected(self) -> psycopg.Connection[Any]:
        """Raises: psycopg.Error: no connection is to be had."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.address)
            self._connection.add_notice_handler(
                lambda notice: self.warnings.append(notice.message_primary or "a warning")
            )
        return self._connection

    def drop(self) -> None:
        """Let go of the connection; the next statement makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()

    def interrupt(self) -> None:
        """From another thread: end the wait for what is under way, as if the server were gone."""
        connection = self._connection
        if connection is None:
            return
        with (
            contextlib.suppress(psycopg.Error, OSError),
            socket.socket(fileno=socket.dup(connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)

    def _named(self, text: str) -> str:
        return text.format(s=self.address.schema)


def connect(address: JournalAddress) -> psycopg.Connection[Any]:
    """A connection on which each statement is a transaction of its own.

    Raises:
        psycopg.Error: there is none to be had.
    """
    conninfo = make_conninfo(**{**_DEFAULTS, **conninfo_to_dict(address.conninfo)})
    threshold = _PREPARE_AFTER if address.prepared else None
    return psycopg.connect(conninfo, autocommit=True, prepare_threshold=threshold)


def said(error: psycopg.Error) -> str:
    """What an error says, in one line."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    return " ".join(text.split())
