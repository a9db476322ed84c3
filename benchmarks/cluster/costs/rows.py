"""What was found: a value of each round, and the target that it is held against."""

from collections.abc import Sequence
from statistics import median
from typing import final

from attrs import frozen


@final
@frozen
class Target:
    """Args:
    is_least: the value shall be at least that; else at most.
    of_each: all values shall keep to it; else their median.
    """

    bound: float
    is_least: bool = False
    of_each: bool = False

    def __str__(self) -> str:
        each = ", each" if self.of_each else ""
        return f"{'≥' if self.is_least else '≤'} {self.bound:g}{each}"

    def is_met(self, values: Sequence[float]) -> bool:
        counted = values if self.of_each else [median(values)]
        if self.is_least:
            return min(counted) >= self.bound
        return max(counted) <= self.bound


@final
@frozen
class Row:
    """One thing that was measured.

    Args:
        part: that has measured it.
        values: one of each round, in order; or of each time.
        unit: empty: it is a ratio.
        target: None: it is there to show what ratios are made of.
        note: how much went into it.
    """

    part: str
    what: str
    values: Sequence[float]
    unit: str = ""
    target: Target | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def is_met(self) -> bool | None:
        """None: it has no target."""
        return None if self.target is None else self.target.is_met(self.values)

    @property
    def verdict(self) -> str:
        """Empty where there is no target."""
        if self.is_met is None:
            return ""
        return "met" if self.is_met else "missed"
