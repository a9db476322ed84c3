"""What is found to be wrong."""

from enum import Enum
from typing import final

from chargehand.actors.frozen import frozen
from chargehand.persistence.store import Table


class Problem(Enum):
    """What kind of fault it is, and so what can be done."""

    UNREADABLE = "unreadable"  # what it concerns is not known: no server starts with it
    DAMAGED = "damaged"  # fails its checksum; what it concerns is set aside
    DIRECTORY = "directory"  # of a log value; all its records are sound
    REFERENCE = "reference"  # sound, but does not go with the rest
    STRUCTURE = "structure"  # LMDB cannot read it, so what is behind it was not checked
    KEPT = "kept"  # damaged, found by an earlier start and kept aside


@final
@frozen
class Finding:
    """A fault.

    Args:
        table: where it stands; None for the file as a whole.
        key: under which key, for people; empty for a table as a whole.
        address: what it concerns, where that is known.
        message: what is wrong, in a sentence without a full stop.
    """

    problem: Problem
    table: Table | None
    key: str
    address: str | None
    message: str
