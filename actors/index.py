"""Look-ups from name to name: run, review and subscription to task, idempotency key to run; ids.

The rows live in the journal's tables; this module says which rows a record brings.
"""

from collections.abc import Callable, Iterator
from typing import Final, final

from chargehand.actors.faults import Faults, Why, refusal_of
from chargehand.actors.graph.graph import Graph
from chargehand.actors.idempotency.once import rows_of_done
from chargehand.actors.identity import Caller, OriginKind
from chargehand.actors.ports import DamagedError, DamagedRowError, Reads
from chargehand.actors.record import IndexRow, IndexTable, Record
from chargehand.actors.task.events import (
    ReviewRequested,
    RunEnqueued,
    RunRecovered,
    RunRetried,
    SubscriptionSet,
)
from chargehand.actors.task.state import TaskState

_QUEUEING: Final = (RunEnqueued, RunRetried, RunRecovered)
_WITH_ROWS: Final = frozenset((*_QUEUEING, ReviewRequested, SubscriptionSet))
_TRANSPORTS: Final = (OriginKind.HTTP, OriginKind.UDS)


def rows_of(record: Record) -> tuple[IndexRow, ...]:
    """The index rows that a record brings."""
    rows: list[IndexRow] = []
    if record.done is not None:
        done = rows_of_done(record.done, record.address, record.at_ns)
        rows += [IndexRow(IndexTable.ONCE, key, value) for key, value in done]
    for event in record.events:
        if type(event) not in _WITH_ROWS:
            continue
        if isinstance(event, _QUEUEING):
            rows.append(IndexRow(IndexTable.RUNS, event.run_id, record.address))
            key = event.run.idempotency_key
            if key is not None:
                named = f"{record.address} {event.run_id}"
                rows.append(IndexRow(IndexTable.KEYS, _key(key, record.caller), named))
        elif isinstance(event, ReviewRequested):
            rows.append(IndexRow(IndexTable.REVIEWS, event.review_id, record.address))
        elif isinstance(event, SubscriptionSet):
            rows.append(IndexRow(IndexTable.SUBSCRIPTIONS, event.subscription_id, record.address))
    return tuple(rows)


def _key(key: str, caller: Caller) -> str:
    actor = caller.actor
    return f"@{actor.kind.value}\n{actor.ref}\n{key}"


def _former_keys(key: str, caller: Caller) -> Iterator[str]:
    """The rows under which this version's predecessor would have stored a key: it belonged to the
    transport and the operation. No key of today looks like one."""
    origin = caller.origin
    kinds = _TRANSPORTS if origin.kind in _TRANSPORTS else (origin.kind,)
    for kind in kinds:
        yield f"{kind.value}\n{origin.ref}\n{key}"


def _a_bit_off(found: bytes) -> Iterator[bytes]:
    for at in range(8 * len(found)):
        flipped = bytearray(found)
        flipped[at // 8] ^= 1 << at % 8
        yield bytes(flipped)


def _names(state: TaskState, table: IndexTable, some_id: str) -> bool:
    """Whether the task has the run, review or subscription that a row of `table` is about."""
    if table is IndexTable.REVIEWS:
        return state.review(some_id) is not None
    if table is IndexTable.SUBSCRIPTIONS:
        return state.subscription(some_id) is not None
    return state.run(some_id) is not None


@final
class Index:
    """Answers at once, from rows in memory or in the store's tables.

    Args:
        is_shown: whether a task is among the committed ones: a deletion that is not on disk yet
            does not make it unknown.
    """

    def __init__(
        self, reads: Reads, graph: Graph, faults: Faults, is_shown: Callable[[str], bool]
    ) -> None:
        self._reads = reads
        self._graph = graph
        self._faults = faults
        self._is_shown = is_shown

    def task_of_run(self, run_id: str) -> str | None:
        """The task of a run; None for an unknown run, or one whose task was deleted."""
        return self._living_task(IndexTable.RUNS, run_id)

    def task_of_review(self, review_id: str) -> str | None:
        """The task of a review; None for an unknown one, or one whose task was deleted."""
        return self._living_task(IndexTable.REVIEWS, review_id)

    def _living_task(self, table: IndexTable, key: str) -> str | None:
        task_id = self._row(table, key)
        if task_id is None or not (self._is_known(task_id) or self._is_shown(task_id)):
            return None
        return task_id

    def _row(self, table: IndexTable, key: str) -> str | None:
        """The value of a row.

        Raises:
            Rejected: it is damaged. Its task is set aside, or the row alone if nothing says whose
                it is.
        """
        try:
            return self._reads.get(table, key)
        except DamagedRowError as error:
            address = self._owner(table, key, error.found)
            if address is None:
                raise self._faults.damaged_row(table, key, error) from error
            fault = self._faults.set_aside(address, Why.DAMAGED, str(error))
            raise refusal_of(fault) from error

    def _owner(self, table: IndexTable, key: str, found: bytes) -> str | None:
        """The task that a damaged row most likely named: one whose stored state says the same.

        The text of the row may be off by a bit, so its neighbours are looked at too. What was done
        under a key is no part of a task's state: its row stands for itself.
        """
        if table is IndexTable.ONCE:
            return None
        for text in (found, *_a_bit_off(found)):
            task_id, _, run_id = text.decode("utf-8", "replace").partition(" ")
            if not self._graph.exists(task_id):
                continue
            try:
                state = self._reads.state(task_id)
            except DamagedError:
                continue
            if isinstance(state, TaskState) and _names(state, table, run_id or key):
                return task_id
        return None

    def _is_known(self, task_id: str) -> bool:
        """Whether there is such a task; one that is set aside is, and its actor says so."""
        return self._graph.exists(task_id) or task_id in self._faults

    def keyed_run(self, key: str, caller: Caller) -> tuple[str, str] | None:
        """The task and run that a caller's key stands for; keys of deleted tasks are free again."""
        for row_key in (_key(key, caller), *_former_keys(key, caller)):
            row = self._row(IndexTable.KEYS, row_key)
            task_id, _, run_id = (row or "").partition(" ")
            if self._is_known(task_id):
                return task_id, run_id
        return None

    def task_of_subscription(self, subscription_id: str) -> str | None:
        """The task that a subscription has or had: its id stays with that, deleted or not."""
        return self._row(IndexTable.SUBSCRIPTIONS, subscription_id)
