"""Asks the database what a node wants to know, and knows which of its answers are safe.

Used by one thread. Whatever is not a plain success without a warning is `Unknown`: the statement
may have happened, and it is for the node to find out.
"""

from typing import Any, Final, final

import psycopg

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import Database, said
from chargehand.persistence.postgres.safety import SAFE_COMMITS
from chargehand.persistence.postgres.statements import SHARD, Statements
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

_UNSAFE: Final = Unknown("the database does not wait for a copy of what it commits")


@final
class ShardLink:
    """Args:
    unreplicated: what one machine alone has is safe enough.
    """

    def __init__(self, address: JournalAddress, *, unreplicated: bool = False) -> None:
        self._database = Database(address)
        self._statements = Statements.of(address.schema)
        self._unreplicated = unreplicated
        self._is_unsafe = False  # as far as was seen: nothing is written until it would be safe

    def ask(self, request: Request) -> Answer:
        """The answer; it takes as long as the database takes. Never raises for its sake."""
        try:
            return self._answer(request)
        except psycopg.Error as error:
            self.drop()
            return Unknown(said(error))

    def drop(self) -> None:
        """Let go of the connection; the next request makes another one."""
        self._database.drop()

    def interrupt(self) -> None:
        """From another thread: end the wait for the answer under way, which is not known then."""
        self._database.interrupt()

    def end_hung(self, seconds: float) -> None:
        """From another thread: `interrupt` a wait that has taken longer."""
        self._database.end_hung(seconds)

    def _answer(self, request: Request) -> Answer:
        if isinstance(request, Look):
            return self._look()
        if self._is_unsafe:
            answer = self._look()
            if self._is_unsafe:
                return _UNSAFE if isinstance(answer, Found) else answer
        found = self._ask_once(request)
        if found is None:
            return self._look()
        if self._database.warnings:
            # Canceled while it waited for its copies, a commit is visible, and not safe.
            why = "; ".join(self._database.warnings)
            self.drop()
            return Unknown(why)
        return _UNSAFE if self._find_unsafe(*found[-2:]) else Done(_row(found))

    def _look(self) -> Answer:
        found = self._ask_once(Look())
        if found is None:
            return Unknown("there is no journal")
        self._find_unsafe(*found[-2:])
        return Found(_row(found))

    def _find_unsafe(self, commit: str, has_standbys: bool) -> bool:
        safe = self._unreplicated or (commit in SAFE_COMMITS and has_standbys)
        self._is_unsafe = not safe
        return self._is_unsafe

    def _ask_once(self, request: Request) -> tuple[Any, ...] | None:
        text, values = self._statement(request)
        self._database.warnings.clear()
        found = self._database.rows(text, values)
        return found[0] if found else None

    def _statement(self, request: Request) -> tuple[str, tuple[Any, ...]]:
        of = self._statements
        match request:
            case Look():
                return of.look, (SHARD,)
            case Take(seen, owner):
                new = (owner.process, owner.node, owner.address, owner.ttl_ns)
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


def _row(found: tuple[Any, ...]) -> Row:
    epoch, head, beat, process, node, address, ttl_ns = found[:7]
    return Row(epoch, head, Owner(process, node, address, ttl_ns), beat)
