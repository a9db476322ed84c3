"""The nodes that there are: each says now and then that it is there, and how far it has got."""

from typing import Final, final

import psycopg

from chargehand.actors.frozen import frozen
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import Database, said
from chargehand.persistence.replicated.far import LostError
from chargehand.persistence.replicated.shard import Owner

FORGOTTEN_S: Final = 24 * 3600
"""A node that was not there for so long is not listed any more."""

_SAY: Final = """INSERT INTO {s}.node (name, process, address, seen, followed)
    VALUES (%s, %s, %s, clock_timestamp(), %s)
    ON CONFLICT (name) DO UPDATE SET process = excluded.process, address = excluded.address,
        seen = excluded.seen, followed = excluded.followed"""
_LIST: Final = """SELECT name, address, extract(epoch FROM clock_timestamp() - seen)::float8,
    followed FROM {s}.node ORDER BY name"""


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
class Presence:
    """Used by one thread, but for `end_hung`. All but that and `close` raise `LostError`."""

    def __init__(self, address: JournalAddress) -> None:
        self._database = Database(address)

    def say(self, owner: Owner, followed_seq: int) -> None:
        """The node is there."""
        values = (owner.node, owner.process, owner.address, followed_seq)
        try:
            self._database.change(_SAY, values)
        except psycopg.Error as error:
            self._database.drop()
            raise LostError(said(error)) from error

    def nodes(self) -> list[Seen]:
        """All that were there within a day, by name."""
        try:
            found = self._database.rows(_LIST)
        except psycopg.Error as error:
            self._database.drop()
            raise LostError(said(error)) from error
        return [Seen(*row) for row in found if row[2] < FORGOTTEN_S]

    def end_hung(self, seconds: float) -> None:
        """From another thread: end a wait that has taken longer; it is lost then."""
        self._database.end_hung(seconds)

    def close(self) -> None:
        self._database.drop()
