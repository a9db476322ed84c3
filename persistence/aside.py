"""What is kept aside: damaged records of the log, and those of the same address behind them.

They cannot be folded, and the log is trimmed; so a checkpoint moves them, as they were found, to a
table of their own. That is the evidence, and it keeps their address set aside over restarts: the
tables hold an older state of it, which is sound but no longer true.
"""

from collections.abc import Sequence
from typing import NamedTuple, final

from chargehand.actors.ports import Damage
from chargehand.actors.scheduler.state import SCHEDULER_ADDRESS
from chargehand.persistence.framing import address_bytes, sequence_key
from chargehand.persistence.store import Put, Store, Table

_READ_MAX = 64


@final
class Kept(NamedTuple):
    """Bytes as they were found. `seq` is 0 for what is not of the log."""

    address: str
    seq: int
    found: bytes

    @property
    def change(self) -> Put:
        key = (address_bytes(self.address) or b"@unknown") + b"\0" + sequence_key(self.seq)
        return Put(Table.ASIDE, key, self.found)


def read_aside(store: Store) -> Sequence[Damage]:
    """The first that is kept of each address; of the scheduler the last, as a later record of that
    makes up for an earlier one."""
    found: dict[str, Damage] = {}
    start = b""
    while page := store.scan(Table.ASIDE, start, None, _READ_MAX, len):
        for key, _ in page:
            address, seq = key[:-9].decode(), int.from_bytes(key[-8:])
            if address not in found or address == SCHEDULER_ADDRESS:
                what = f"its record at number {seq}" if seq else "what was stored of it"
                cause = f"{what} is damaged, and is kept aside with all behind it"
                found[address] = Damage(address, cause, seq, seq)
        start = page[-1][0] + b"\0"
    return tuple(found.values())
