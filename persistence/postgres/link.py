"""Asks the database what a node wants to know, and knows which of its answers are safe.

Used by one thread. Whatever is not a plain success without a warning is `Unknown`: the statement
may have happened, and it is for the node to find out.
"""

import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final, final

import psycopg

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.statements import Statements
from chargehand.persistence.replicated.shard import (
    Answer,
    Append,
    Done,
    Found,
    Look,
    Owner,
    Raise,
    Release,
    Renew,
    Request,
    Row,
    Take,
    Unknown,
)

SHARD: Final = 0
"""There is one so far."""

CONNECT_S_MAX: Final = 5
_SAFE_COMMITS: Final = frozenset({"on", "remote_apply"})
_PREPARE_AFTER: Final = 3
# A peer that has vanished is noticed in seconds, not in the hours of TCP's own patience.
_KEEPALIVES: Final = {
    "connect_timeout": CONNECT_S_MAX,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
    "target_session_attrs": "read-write",
    "application_name": "chargehand",
}


@final
class ShardLink:
    """Args:
    unreplicated: what one machine alone has is safe enough.
    """

    def __init__(self, address: JournalAddress, *, unreplicated: bool = False) -> None:
        self._address = address
        self._statements = Statements.of(address.schema)
        self._unreplicated = unreplicated
        self._connection: psycopg.Connection[Any] | None = None
        self._warnings: list[str] = []

    def ask(self, request: Request) -> Answer:
        """The answer; it takes as long as the database takes. Never raises for its sake."""
        try:
            return self._answer(request)
        except psycopg.Error as error:
            self.drop()
            return Unknown(_said(error))

    def drop(self) -> None:
        """Let go of the connection; the next request makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()

    def interrupt(self) -> None:
        """From another thread: end the wait for the answer under way, which is not known then."""
        connection = self._connection
        if connection is None:
            return
        with contextlib.suppress(psycopg.Error, OSError):
            ours = socket.socket(fileno=socket.dup(connection.fileno()))
            with ours:
                ours.shutdown(socket.SHUT_RDWR)

    def _answer(self, request: Request) -> Answer:
        found = self._ask_once(request)
        if isinstance(request, Look):
            return Unknown("there is no journal") if found is None else Found(_row(found))
        if found is None:
            self._warnings.clear()
            found = self._ask_once(Look())
            return Unknown("there is no journal") if found is None else Found(_row(found))
        if self._warnings:
            # Canceled while it waited for its copies, a commit is visible, and not safe.
            why = "; ".join(self._warnings)
            self.drop()
            return Unknown(why)
        if not self._is_safe(*found[-2:]):
            return Unknown("the database does not wait for a copy of what it commits")
        return Done(_row(found))

    def _is_safe(self, commit: str, has_standbys: bool) -> bool:
        return self._unreplicated or (commit in _SAFE_COMMITS and has_standbys)

    def _ask_once(self, request: Request) -> tuple[Any, ...] | None:
        text, values = self._statement(request)
        self._warnings.clear()
        found: tuple[Any, ...] | None
        found = self._connected().execute(text, values, binary=True).fetchone()
        return found

    def _statement(self, request: Request) -> tuple[str, tuple[Any, ...]]:
        of = self._statements
        match request:
            case Look():
                return of.look, (SHARD,)
            case Take(seen, owner):
                new = (owner.process, owner.node, owner.address)
                known = (seen.epoch, seen.head, seen.beat, seen.owner.process)
                return of.take, (*new, SHARD, *known)
            case Raise(epoch, owner):
                return of.raise_epoch, (SHARD, epoch, owner.process)
            case Append(epoch, owner, head, batch):
                own = (SHARD, epoch, owner.process, head)
                return of.append, (batch.last_seq, *own, head + 1, batch.frames)
            case Renew(epoch, owner):
                return of.renew, (SHARD, epoch, owner.process)
            case Release(epoch, owner):
                return of.release, (SHARD, epoch, owner.process)

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._address, self._warnings.append)
        return self._connection


def connect(
    address: JournalAddress, warn: Callable[[str], None] = lambda _: None
) -> psycopg.Connection[Any]:
    """A connection on which each statement is a transaction of its own.

    Raises:
        psycopg.Error: there is none to be had.
    """
    given = psycopg.conninfo.conninfo_to_dict(address.conninfo)
    options: dict[str, Any] = {**_KEEPALIVES, **given}
    conninfo = psycopg.conninfo.make_conninfo(**options)
    threshold = _PREPARE_AFTER if address.prepared else None
    connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=threshold)
    connection.add_notice_handler(lambda notice: warn(notice.message_primary or "a warning"))
    return connection


def _row(found: tuple[Any, ...]) -> Row:
    epoch, head, beat, process, node, address = found[:6]
    return Row(epoch, head, Owner(process, node, address), beat)


def _said(error: psycopg.Error) -> str:
    """In one line, without where it was said."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    return " ".join(text.split())
