"""Checks a whole store that nobody writes: every checksum, every record, and what refers to what.

It changes nothing and goes on behind each fault. Memory does not grow with the tables, only with
the tail of the log, which a checkpoint bounds.

`values` goes through a table, and each kind of table has its check: first `log`, which gathers the
tail; then `snapshots`, `timelines`, and `rows`, with effects and what is kept aside. These ask
`contents` whether what is referred to is there. What is wrong is reported as `findings`.
"""

from collections.abc import Iterator
from typing import Final

from chargehand.actors.ports import DamagedError
from chargehand.persistence.epoch import epoch_of
from chargehand.persistence.index_rows import INDEX_TABLES
from chargehand.persistence.layout import check_layout, checkpoint_seq, created_at_ns
from chargehand.persistence.store import Store, Table
from chargehand.persistence.verify.contents import Contents, LogTail
from chargehand.persistence.verify.findings import Finding, Problem
from chargehand.persistence.verify.log import LogCheck
from chargehand.persistence.verify.rows import RowCheck
from chargehand.persistence.verify.snapshots import SnapshotCheck
from chargehand.persistence.verify.timelines import TimelineCheck
from chargehand.persistence.verify.values import ProgressCallback, Values

__all__ = ["TABLES", "Finding", "Problem", "ProgressCallback", "verify"]

# The tables in the order in which they are checked.
TABLES: Final = (
    Table.META,
    Table.LOG,
    Table.HEADS,
    Table.BODIES,
    Table.SNAPSHOTS,
    Table.TIMELINE,
    *INDEX_TABLES.values(),
    Table.EFFECTS,
    Table.ASIDE,
)


def verify(
    store: Store, progress: ProgressCallback = lambda table, count: None
) -> Iterator[Finding]:
    """All that is wrong with a store.

    Raises:
        StorageError: it is not ours, or of a version that this one cannot read.
    """
    try:
        check_layout(store)
        tail = LogTail(checkpoint_seq(store))
        epoch_of(store)
    except DamagedError as error:
        yield Finding(Problem.UNREADABLE, Table.META, "", None, str(error))
        return
    try:
        created_at_ns(store)
    except DamagedError as error:
        yield Finding(Problem.DAMAGED, Table.META, "", None, str(error))
    values, contents = Values(store, progress), Contents(store, tail)
    snapshots, rows = SnapshotCheck(store, values, contents), RowCheck(store, values, contents)
    checks = {
        Table.LOG: LogCheck(store, values, tail).findings(),
        Table.HEADS: snapshots.heads(),
        Table.BODIES: snapshots.bodies(),
        Table.SNAPSHOTS: snapshots.former(),
        Table.TIMELINE: TimelineCheck(values, contents).findings(),
        **{table: rows.index(name) for name, table in INDEX_TABLES.items()},
        Table.EFFECTS: rows.effects(),
        Table.ASIDE: rows.aside(),
    }
    for table in TABLES[1:]:  # the first is what was looked at above
        yield from _as_far_as_readable(table, checks[table])


def _as_far_as_readable(table: Table, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Those of a table, up to where LMDB cannot read it."""
    try:
        yield from findings
    except DamagedError as error:
        message = f"{error}; what is behind that in this table was not checked"
        yield Finding(Problem.STRUCTURE, table, "", None, message)
