"""Claimable runs that make the same demands, and the shelves on which they are looked for.

A class holds the runs with equal demands, best first. A shelf holds the heads of the classes that
one kind of claimer may look through. On it a class stands under one of the capabilities it
requires, its anchor: a claimer without that capability never meets it.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import final

from chargehand.actors.lazy_heap import LazyHeap
from chargehand.actors.task.eligibility import QueuedRun

Rank = tuple[int, int, int, str, QueuedRun]
"""Of a run for one claimer, smallest first: as in the queue, with the number of preferred
capabilities that the claimer holds, negated, in second place. At its end the run itself."""


@final
class RunClass:
    """Runs that require and prefer the same. Its head is filed in each list it stands in."""

    __slots__ = ("_filed", "_listed_in", "_runs", "anchor", "preferred", "required")

    def __init__(
        self,
        required: frozenset[str],
        preferred: frozenset[str],
        anchor: str | None,
        is_live: Callable[[QueuedRun], bool],
    ) -> None:
        self.required = required
        self.preferred = preferred
        self.anchor = anchor
        self._runs: LazyHeap[QueuedRun] = LazyHeap(is_live)
        self._listed_in: list[RankedClasses] = []
        self._filed: tuple[QueuedRun, RunClass] | None = None

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def stored(self) -> int:
        """Runs in memory, those that have gone too."""
        return self._runs.stored

    def stand_in(self, ranked: "RankedClasses") -> None:
        """Before the first run is added."""
        self._listed_in.append(ranked)

    def restore(self, runs: list[QueuedRun]) -> None:
        """The first runs of all; the class may have the list."""
        self._runs.restore(runs)
        self._file()

    def add(self, run: QueuedRun) -> None:
        self._runs.push(run)
        if self._filed is None or run < self._filed[0]:
            self._file()

    def discard(self, run: QueuedRun) -> None:
        """The run has gone: the index no longer knows it."""
        self._runs.bury()
        if self._filed is not None and self._filed[0] is run:
            self._file()

    def _file(self) -> None:
        if self._filed is not None:
            for ranked in self._listed_in:
                del ranked.heads[bisect_left(ranked.heads, self._filed)]
        head = self._runs.head()
        self._filed = None if head is None else (head, self)
        if self._filed is not None:
            for ranked in self._listed_in:
                insort(ranked.heads, self._filed)


@final
class RankedClasses:
    """The classes of a shelf with one anchor: each with its best run, best first."""

    __slots__ = ("classes", "heads", "preferring")

    def __init__(self) -> None:
        self.heads: list[tuple[QueuedRun, RunClass]] = []
        self.classes = 0
        self.preferring = 0  # classes among them that prefer something

    def best(self, capabilities: frozenset[str], weight_min: int) -> Rank | None:
        """Reads until a class fits. Only where some prefer something, it reads on through the
        runs of equal weight, as a later one may be preferred."""
        best: Rank | None = None
        for run, run_class in self.heads:
            weight, queue_order, run_id, _, _, _ = run
            if -weight < weight_min or (best is not None and weight > best[0]):
                break
            if not run_class.required <= capabilities:
                continue
            rank = (weight, -len(run_class.preferred & capabilities), queue_order, run_id, run)
            if best is None or rank < best:
                best = rank
            if not self.preferring:
                break
        return best


_FEW = 4  # classes that are quicker read through than looked up by anchor


@final
class Shelf:
    """The classes that one kind of claimer may look through: all in one list, and again in a
    list for each anchor."""

    __slots__ = ("_all", "_anchored")

    def __init__(self) -> None:
        self._all = RankedClasses()
        self._anchored: dict[str | None, RankedClasses] = {}

    def __bool__(self) -> bool:
        return bool(self._anchored)

    def anchor_for(self, required: frozenset[str]) -> str | None:
        """The capability under which the fewest classes stand so far. None if none is required."""
        return min(required, key=lambda name: (self._crowd(name), name), default=None)

    def _crowd(self, anchor: str) -> int:
        ranked = self._anchored.get(anchor)
        return 0 if ranked is None else ranked.classes

    def admit(self, run_class: RunClass) -> None:
        for ranked in (self._all, self._anchored.setdefault(run_class.anchor, RankedClasses())):
            ranked.classes += 1
            ranked.preferring += bool(run_class.preferred)
            run_class.stand_in(ranked)

    def remove(self, run_class: RunClass) -> None:
        """Take out a class without runs."""
        anchored = self._anchored[run_class.anchor]
        for ranked in (self._all, anchored):
            ranked.classes -= 1
            ranked.preferring -= bool(run_class.preferred)
        if not anchored.classes:
            del self._anchored[run_class.anchor]

    def best(self, capabilities: frozenset[str], weight_min: int) -> Rank | None:
        """The rank of the best run here that demands no more than these capabilities.

        Of n lists that may fit, all n must be asked; in the list of all classes the first that
        fits comes after about classes / n. So the many capabilities of a claimer are no burden.
        """
        if self._all.classes <= _FEW:
            return self._all.best(capabilities, weight_min)
        anchors = self._anchored.keys() & capabilities
        if len(anchors) ** 2 > self._all.classes:
            return self._all.best(capabilities, weight_min)
        lists = [self._anchored[anchor] for anchor in anchors]
        if None in self._anchored:
            lists.append(self._anchored[None])
        found = (ranked.best(capabilities, weight_min) for ranked in lists)
        return min((rank for rank in found if rank is not None), default=None)
