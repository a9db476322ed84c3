"""What a node asks of the database's one row for a shard, and what it may be answered.

The row says who writes (owner and epoch), how far the log has got (head), and whether the owner is
alive (beat). Every request is one statement with its condition in it, so it happens as a whole or
not at all, whoever else asks at the same time.
"""

from typing import Final, final

from chargehand.actors.frozen import frozen


@final
@frozen
class Owner:
    """Args:
    process: no other process ever calls itself that, not even the next one of the same node.
    node: its name, for people.
    address: where the other nodes reach it, `HOST:PORT`.
    ttl_ns: how long it may answer after its last sign of life, so that whoever takes over waits
        for longer, whatever ttl that one has itself.
    """

    process: str
    node: str = ""
    address: str = ""
    ttl_ns: int = 0


NOBODY: Final = Owner("")


@final
@frozen
class Row:
    """Args:
    epoch: raised by one with each take.
    head: the last number that the log holds.
    owner: who took it last; `NOBODY` once that has released it.
    beat: raised by everything that the owner writes.
    """

    epoch: int = 0
    head: int = 0
    owner: Owner = NOBODY
    beat: int = 0


@final
@frozen
class Batch:
    """Records that go into the log together.

    Args:
        last_seq: the number of the last of their events.
        frames: a value of the log.
    """

    last_seq: int
    frames: bytes
    records: int = 1


# --- requests ---------------------------------------------------------------------------------


@final
@frozen
class Look:
    """Read the row. The answer is `Found`, which nobody has to have acknowledged."""


@final
@frozen
class Take:
    """If the row still is `seen`: raise its epoch by one, with `owner` as the owner.

    The beat counts as well: a take that arrives late, when the owner is alive after all, must not
    succeed, as that owner may answer without asking anybody.
    """

    seen: Row
    owner: Owner


@final
@frozen
class Raise:
    """If epoch and owner are these: raise the epoch by one.

    What the owner had asked for before, and has no answer to, has happened by then or never will.
    """

    epoch: int
    owner: Owner


@final
@frozen
class Append:
    """If epoch, owner and head are these: put the batch behind the log."""

    epoch: int
    owner: Owner
    head: int
    batch: Batch


@final
@frozen
class Renew:
    """If epoch and owner are these: raise the beat."""

    epoch: int
    owner: Owner


@final
@frozen
class Release:
    """If epoch and owner are these: have no owner any more, so that another one takes at once."""

    epoch: int
    owner: Owner


Request = Look | Take | Raise | Append | Renew | Release

# --- answers ----------------------------------------------------------------------------------


@final
@frozen
class Done:
    """It happened, and enough copies of the database have it that it cannot be lost.

    What the same database showed before is as safe as this.
    """

    row: Row


@final
@frozen
class Found:
    """The condition did not hold, or nothing was to be changed: the row as it is."""

    row: Row


@final
@frozen
class Unknown:
    """No answer came, or one with a warning: it happened, or not, or it may happen yet."""

    why: str = ""


Answer = Done | Found | Unknown
