"""Writes a data directory of many tasks, as a server leaves it that has folded all of its log."""

import random
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import Final, NamedTuple, final

from benchmarks.scale.clones import FIRST_CLONE_SEQ, Family
from benchmarks.scale.families import CHILDREN, Kind, originals
from chargehand.persistence.layout import checkpoint_moves, open_layout
from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.store import Change

_SPACING_NS: Final = 2 * 10**9  # between two families
_LASTS_NS: Final = 1200 * 10**9  # what befalls a family, at most
_COMMIT_TASKS: Final = 8192
_JITTER: Final = 0.02  # of all families: so far from each other what was made at one time ends
# Tasks of each kind in 1,000; the rest is completed, each by itself.
_MIX: Final = {
    Kind.ACTIVE: 1,
    Kind.QUEUED: 100,
    Kind.TREE: 300,
    Kind.CHAIN: 60,
    Kind.FAILED: 50,
    Kind.BLOCKED: 40,
    Kind.READY: 30,
    Kind.CANCELED: 30,
    Kind.DRAFT: 20,
    Kind.UNAPPROVED: 10,
}
_SIZES: Final = {Kind.TREE: CHILDREN + 1, Kind.CHAIN: 2, Kind.BLOCKED: 2}


@final
class Placed(NamedTuple):
    """A family to be written. Args: rank: how many were active longer ago."""

    family: Family
    rank: int


def import_tasks(directory: Path, count: int) -> None:
    """Make a data directory with so many tasks."""
    found = originals()
    stride = max(family.seqs for of in found.families.values() for family in of)
    import_families(directory, _placed(_families(found.families, count)), found.others, stride)


def import_families(
    directory: Path, placed: Sequence[Placed], others: Iterable[Change], stride: int
) -> None:
    """Make a data directory with these families.

    Args:
        others: what belongs to none of them.
        stride: the numbers of the largest family.
    """
    newest_ns = time.time_ns() - _LASTS_NS
    with closing(LmdbStore(directory)) as store:
        open_layout(store)
        changes: list[Change] = list(others)
        tasks = 0
        for number, (family, rank) in enumerate(placed):
            began_ns = newest_ns - (len(placed) - rank) * _SPACING_NS
            changes += family.clone(number, FIRST_CLONE_SEQ + rank * stride, began_ns)
            tasks += family.size
            if tasks >= _COMMIT_TASKS:
                store.commit(changes)
                changes.clear()
                tasks = 0
        store.commit([*changes, checkpoint_moves(FIRST_CLONE_SEQ + len(placed) * stride)])


def _families(known: dict[Kind, list[Family]], count: int) -> list[tuple[Kind, Family]]:
    """So many that there are `count` tasks, at least one family of each kind."""
    found: list[tuple[Kind, Family]] = []
    left = count
    for kind, per_thousand in _MIX.items():
        families = max(1, count * per_thousand // 1000 // _SIZES.get(kind, 1))
        found += ((kind, family) for family in islice(cycle(known[kind]), families))
        left -= families * _SIZES.get(kind, 1)
    found += ((Kind.COMPLETED, family) for family in islice(cycle(known[Kind.COMPLETED]), left))
    return found


def _placed(families: list[tuple[Kind, Family]]) -> list[Placed]:
    """In the order in which they were made, which is about that of their activity. What is claimed
    now was active lately."""
    rng = random.Random(7)
    rng.shuffle(families)
    families.sort(key=lambda one: one[0] is Kind.ACTIVE)
    apart = _JITTER * len(families)
    by_activity = sorted(
        range(len(families)),
        key=lambda number: number + rng.uniform(0, apart),
    )
    ranks = dict(zip(by_activity, range(len(families)), strict=True))
    return [Placed(family, ranks[number]) for number, (_, family) in enumerate(families)]
