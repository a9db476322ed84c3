"""Checks snapshots, and whether what they refer to is there."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import final

from chargehand.actors.ports import DamagedError
from chargehand.actors.record import AnyState, IndexTable, address_of
from chargehand.actors.task.state import TaskState
from chargehand.persistence.snapshots import decode_head, decode_snapshot
from chargehand.persistence.snapshots.former import decode_former
from chargehand.persistence.store import Store, Table
from chargehand.persistence.verify.contents import Contents
from chargehand.persistence.verify.findings import Finding, Problem
from chargehand.persistence.verify.values import Values


@final
class SnapshotCheck:
    def __init__(self, store: Store, values: Values, contents: Contents) -> None:
        self._store = store
        self._values = values
        self._contents = contents

    def heads(self) -> Iterator[Finding]:
        """Each with its body. What of a sound head cannot be read is damage of the body."""
        for key, value in self._values.of(Table.HEADS):
            body = self._store.get(Table.BODIES, key)
            table = Table.BODIES if _is_sound(key, value) else Table.HEADS
            yield from self._snapshot(table, key, partial(decode_snapshot, key, value, body))

    def bodies(self) -> Iterator[Finding]:
        """Those without a head."""
        for key, _ in self._values.of(Table.BODIES):
            if not self._contents.holds(Table.HEADS, key):
                address = key.decode("utf-8", "replace")
                message = "there is a body, but no head"
                yield Finding(Problem.REFERENCE, Table.BODIES, address, address, message)

    def former(self) -> Iterator[Finding]:
        """Those that are not upgraded yet."""
        for key, value in self._values.of(Table.SNAPSHOTS):
            yield from self._snapshot(Table.SNAPSHOTS, key, partial(decode_former, value))

    def _snapshot(
        self, table: Table, key: bytes, decode: Callable[[], AnyState]
    ) -> Iterator[Finding]:
        address = key.decode("utf-8", "replace")
        try:
            state = decode()
            if address_of(state) != address:
                raise DamagedError("the snapshot is that of another")
        except DamagedError as error:
            yield Finding(Problem.DAMAGED, table, address, address, str(error))
            return
        if isinstance(state, TaskState) and not state.deleted:
            for message in self._missing(state):
                yield Finding(Problem.REFERENCE, Table.HEADS, address, address, message)

    def _missing(self, state: TaskState) -> Iterator[str]:
        """What a task refers to, and is not there."""
        there = self._contents
        if state.parent_task_id is not None and not there.is_there(state.parent_task_id):
            yield f"its parent {state.parent_task_id} is not there"
        for edge in state.dependencies:
            if not there.is_there(edge.depends_on_task_id):
                yield f"the task {edge.depends_on_task_id} that it depends on is not there"
        if there.is_folded(state) and not there.has_timeline(state.id):
            yield "it has no timeline"
        for table, some_id in (
            *((IndexTable.RUNS, run.id) for run in state.runs),
            *((IndexTable.REVIEWS, review.id) for review in state.reviews),
            *((IndexTable.SUBSCRIPTIONS, subscription.id) for subscription in state.subscriptions),
        ):
            if not there.has_row(table, some_id):
                yield f"{some_id} has no row in the index of {table.value}"


def _is_sound(key: bytes, head: bytes) -> bool:
    try:
        decode_head(key, head)
    except DamagedError:
        return False
    return True
