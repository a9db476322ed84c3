"""One fenced append: what every answer of a node waits for at least."""

import time
from typing import Final

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.replicated.shard import (
    Answer,
    Append,
    Batch,
    Done,
    Found,
    Look,
    Owner,
    Row,
    Take,
)

_FRAME: Final = b"x" * 500  # about what a record takes
_OWNER: Final = Owner("a benchmark", "a benchmark")


def appends(address: JournalAddress, count: int) -> list[float]:
    """Seconds that each of so many took, one after the other, each of one record.

    Args:
        address: of a new journal; no node reads what is appended.

    Raises:
        RuntimeError: one was not acknowledged.
    """
    link = ShardLink(address)
    try:
        seen = link.ask(Look())
        if not isinstance(seen, Found):
            raise RuntimeError(f"the journal cannot be read: {seen}")
        row = _done(link.ask(Take(seen.row, _OWNER)))
        latencies = []
        for _ in range(count):
            request = Append(row.epoch, _OWNER, row.head, Batch(row.head + 1, _FRAME))
            begun = time.perf_counter()
            answer = link.ask(request)
            latencies.append(time.perf_counter() - begun)
            row = _done(answer)
        return latencies
    finally:
        link.drop()


def _done(answer: Answer) -> Row:
    if not isinstance(answer, Done):
        raise RuntimeError(f"not acknowledged: {answer}")
    return answer.row
