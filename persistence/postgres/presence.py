"""The nodes that there are: each says now and then that it is there, and how far it has got.

A name is one process's at a time. Another one takes it over only as it has seen it: if the former
one has said anything since, it does not get it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, final

import psycopg

from chargehand.actors.frozen import frozen
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import Database, said
from chargehand.persistence.replicated.far import LostError
from chargehand.persistence.replicated.shard import Owner

FORGOTTEN_S: Final = 3600
"""A node that has said nothing for so long, while others did, is taken off the list."""

_SAY: Final = """INSERT INTO {s}.node AS known (name, process, address, seen, followed)
    VALUES (%s, %s, %s, clock_timestamp(), %s)
    ON CONFLICT (name) DO UPDATE SET process = excluded.process, address = excluded.address,
        seen = excluded.seen, followed = excluded.followed
    WHERE known.process = excluded.process OR (known.process = %s AND known.seen = %s)"""
_LIST: Final = """SELECT name, address, extract(epoch FROM clock_timestamp() - seen)::float8,
    followed FROM {s}.node ORDER BY name"""
_HOLDER: Final = "SELECT process, address, seen FROM {s}.node WHERE name = %s"
_LEAVE: Final = "DELETE FROM {s}.node WHERE name = %s AND process = %s"
_FORGET: Final = """DELETE FROM {s}.node
    WHERE seen < (SELECT max(seen) FROM {s}.node) - make_interval(secs => %s)"""


@final
@frozen
class Seen:
    """A node as it was seen last.

    Args:
        ago_s: seconds since then, by the database's clock.
        followed_seq: the last number of the log that it had.
    """

    name: str
    address: str
    ago_s: float
    followed_seq: int


@final
@frozen
class Holder:
    """The process that has a name. Args: seen: its beat: another value each time it says so."""

    process: str
    address: str
    seen: datetime


@final
class Presence:
    """Used by one thread, but for `interrupt` and `end_hung`. All but these and `close` raise
    `LostError`."""

    def __init__(self, address: JournalAddress) -> None:
        self._database = Database(address)

    def say(self, owner: Owner, followed_seq: int, former: Holder | None = None) -> bool:
        """The process is there. False: another one has its name, and keeps it.

        Args:
            former: who had the name, and is gone if it has said nothing since.
        """
        known = (None, None) if former is None else (former.process, former.seen)
        values = (owner.node, owner.process, owner.address, followed_seq, *known)
        with self._losses():
            return self._database.change(_SAY, values) > 0

    def holder(self, name: str) -> Holder | None:
        """Who has it; None: nobody."""
        with self._losses():
            found = self._database.rows(_HOLDER, (name,))
        return Holder(*found[0]) if found else None

    def nodes(self) -> list[Seen]:
        """All that are on the list, by name."""
        with self._losses():
            return [Seen(*row) for row in self._database.read(_LIST)]

    def leave(self, owner: Owner) -> None:
        """The process is not there any more, and needs its name no longer."""
        with self._losses():
            self._database.change(_LEAVE, (owner.node, owner.process))

    def forget(self) -> None:
        """Take those off the list that have said nothing for long."""
        with self._losses():
            self._database.change(_FORGET, (FORGOTTEN_S,))

    @contextmanager
    def _losses(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            self._database.drop()
            raise LostError(said(error)) from error

    def interrupt(self) -> None:
        """From another thread: end the wait for what is under way; it is lost then."""
        self._database.interrupt()

    def end_hung(self, seconds: float) -> None:
        """From another thread: end a wait that has taken longer; it is lost then."""
        self._database.end_hung(seconds)

    def close(self) -> None:
        self._database.drop()
