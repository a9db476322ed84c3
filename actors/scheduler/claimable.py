"""The runs that may be claimed, and which one first for whom.

`matches` and `rank` say it run by run. `ClaimableIndex` gives the same answer for a million runs
without looking at them. Pause, approval and dependencies are not asked here: a run is in the index
exactly while they let it be claimed.
"""

from collections.abc import Iterable
from typing import Final, final

from chargehand.actors.scheduler.classed_runs import ClassedRuns
from chargehand.actors.scheduler.oldest import Oldest
from chargehand.actors.scheduler.run_classes import Rank
from chargehand.actors.task.eligibility import Claimer, QueuedRun, matches

_FEW: Final = 8  # runs of a channel that are quicker looked at one by one than classed


def rank(run: QueuedRun, claimer: Claimer) -> Rank:
    """Sort key, smallest first: weight, preferred selectors held, age, run id."""
    held = len(run.demands.preferred_capabilities & claimer.selectors)
    return (run.weight, -held, run.queue_order, run.run_id, run)


@final
class ClaimableIndex:
    """The claimable runs, one of a task at most.

    All are classed. Those of a channel are classed once more when a claimer of the channel asks for
    one and they are not few: most channels are those of single runs, for which nobody asks.
    """

    def __init__(self) -> None:
        self.runs: dict[str, QueuedRun] = {}  # by task; for reading
        self._all = ClassedRuns(self._is_live)
        self._oldest = Oldest(self._is_live)
        self._by_channel: dict[str, dict[str, QueuedRun]] = {}  # and by task
        self._classed: dict[str, ClassedRuns] = {}  # by channel

    def __len__(self) -> int:
        return len(self.runs)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self.runs

    @property
    def class_count(self) -> int:
        """Classes in memory, some without runs too."""
        return self._all.class_count + sum(each.class_count for each in self._classed.values())

    def get(self, task_id: str) -> QueuedRun | None:
        return self.runs.get(task_id)

    def restore(self, runs: Iterable[QueuedRun]) -> None:
        """Make many runs claimable while there is none."""
        self.runs = {run.task_id: run for run in runs}
        self._all.restore(self.runs.values())
        self._oldest.restore(self.runs.values())
        for task_id, run in self.runs.items():
            channel = run.demands.channel
            if channel is not None:
                self._by_channel.setdefault(channel, {})[task_id] = run

    def add(self, run: QueuedRun) -> None:
        """Make a run claimable, in place of that of the same task. A run whose owner is no agent
        is held too, but handed to nobody."""
        self.discard(run.task_id)
        self.runs[run.task_id] = run
        self._all.add(run)
        self._oldest.add(run)
        channel = run.demands.channel
        if channel is not None:
            self._by_channel.setdefault(channel, {})[run.task_id] = run
            if channel in self._classed:
                self._classed[channel].add(run)

    def discard(self, task_id: str) -> QueuedRun | None:
        """Take a task's run out; None if it is not here."""
        run = self.runs.pop(task_id, None)
        if run is None:
            return None
        self._all.discard(run)
        self._oldest.gone()
        channel = run.demands.channel
        if channel is not None:
            others = self._by_channel[channel]
            del others[task_id]
            if not others:
                del self._by_channel[channel]
                self._classed.pop(channel, None)
            elif channel in self._classed:
                self._classed[channel].discard(run)
        return run

    def oldest(self) -> QueuedRun | None:
        """The one that was queued first, whoever may have it; it is not taken out."""
        return self._oldest.first()

    def best(self, claimer: Claimer) -> QueuedRun | None:
        """Of all runs that match the claimer, the first by `rank`; it is not taken out."""
        if claimer.channel is None:
            return self._all.best(claimer)
        classed = self._classed.get(claimer.channel)
        if classed is None:
            runs = self._by_channel.get(claimer.channel, {}).values()
            if len(runs) <= _FEW:
                ranks = (rank(run, claimer) for run in runs if matches(run, claimer))
                first = min(ranks, default=None)
                return None if first is None else first[-1]
            classed = self._classed[claimer.channel] = ClassedRuns(self._is_live)
            classed.restore(runs)
        return classed.best(claimer)

    def _is_live(self, run: QueuedRun) -> bool:
        return self.runs.get(run.task_id) is run
