"""All tasks in the order of their latest activity, and which of them have which facet.

The order is cut into stretches (see `stretches`). A task that becomes active leaves its place and
goes to the end of the last one: to give it another place costs a bit and an append. Whatever is
asked for is looked up in each stretch, newest first.

Stretches that have lost most of their tasks are put together, so there are about as many as the
tasks need.

A task at rest is held as its head. What stretches know of stored tasks is worked out after a start,
a few tasks at a time (see `learning`), or when somebody asks.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, final

from chargehand.actors.task.head import Stored, active_seq_of
from chargehand.actors.task.state import TaskState
from chargehand.actors.views import stretches
from chargehand.actors.views.state_cache import StateCache
from chargehand.actors.views.stretches import Placed, Stretch, fit, joined, learning
from chargehand.actors.views.wanted import Wanted

_LOOK_EVERY: Final = 32  # tasks that a thinned-out stretch loses between two looks at its size


@final
class ActivityOrder:
    """The entries themselves are kept by `Catalog`, by task."""

    def __init__(self, cache: StateCache) -> None:
        self._cache = cache
        # The last one is open, and all but the last two closed.
        self._stretches = [Stretch(0, cache)]

    def restore(
        self,
        stored: Sequence[Stored],
        on_placed: Callable[[Placed], None],
        on_known: Callable[[TaskState], None],
    ) -> None:
        """Start from stored tasks, the most recently active last. Nothing is worked out yet.

        Args:
            on_placed: called with each of them, as somebody asks for it or as it becomes known.
            on_known: called once with each of them, before it changes or as it becomes known.
        """
        self._stretches.clear()
        for begin in range(0, len(stored), stretches.STRETCH):
            chunk = stored[begin : begin + stretches.STRETCH]
            stretch = Stretch(active_seq_of(chunk[0]), self._cache)
            stretch.fill(chunk, on_placed)
            stretch.on_known = on_known
            stretch.is_closed = True
            self._stretches.append(stretch)
        if not self._stretches:
            self._stretches.append(Stretch(0, self._cache))

    def place(self, task: Stored) -> None:
        """Look at a stored task, if nobody has yet."""
        at = bisect_right(self._stretches, active_seq_of(task), key=_first_seq_of) - 1
        if at >= 0:  # else all of its stretch have left
            self._stretches[at].place_task(task)

    @property
    def stretch_count(self) -> int:
        return len(self._stretches)

    def enter(self, state: TaskState) -> Placed:
        """A task that was not here; the most recently active from now on."""
        return self._append(state, None)

    def learning(self) -> Iterator[None]:
        """Work out what is left of stored tasks, the most recently active first; some of them for
        each item."""
        for stretch in reversed(self._stretches.copy()):
            if stretch.is_closed:
                yield from learning(stretch)
                if stretch.count <= stretches.STRETCH // 2:
                    self._tidy(stretch)

    def move(self, entry: Placed, state: TaskState) -> None:
        """Something has happened: the task is the most recently active from now on."""
        self.leave(entry)
        self._append(state, entry)

    def change(self, entry: Placed, before: TaskState, state: TaskState) -> None:
        """The task has changed without a public event."""
        if entry.place < entry.stretch.known:
            entry.stretch.changed(entry.place, before, state)
        entry.held = state

    def leave(self, entry: Placed) -> None:
        stretch = entry.stretch
        stretch.leave(entry.place)
        if stretch.count <= stretches.STRETCH // 2 and stretch.count % _LOOK_EVERY == 0:
            self._tidy(stretch)

    def newest_first(self, before_seq: int | None = None) -> Iterator[Stretch]:
        """Stretches, those last whose tasks were active longest ago.

        Args:
            before_seq: leave out those with later activity alone.
        """
        last = len(self._stretches)
        if before_seq is not None:
            last = bisect_left(self._stretches, before_seq, key=_first_seq_of)
        for at in range(last - 1, -1, -1):
            yield self._stretches[at]

    def active_since(self, seq: int, most: int) -> list[str] | None:
        """The ids of those that were active behind that number, the latest first; None where these
        are more than `most`. About 1 µs for each."""
        found: list[str] = []
        for stretch in self.newest_first():
            for entry in stretch.latest_first():
                if entry.latest_event_seq <= seq:
                    return found
                if len(found) == most:
                    return None
                found.append(entry.task_id)
        return found

    def latest(self, wanted: Wanted) -> TaskState | None:
        """The most recently active of the tasks that are wanted."""
        for stretch in self.newest_first():
            for state in stretch.backwards(stretch.select(wanted)):
                return state
        return None

    def _append(self, state: TaskState, entry: Placed | None) -> Placed:
        stretch = last = self._stretches[-1]
        if last.is_full or last.is_closed:
            if len(self._stretches) > 1:
                self._close(self._stretches[-2])
            stretch = Stretch(state.latest_event_seq, self._cache)
            self._stretches.append(stretch)
            self._tidy(last)  # of a stored one all may have left
        return stretch.append(state.id, state, entry)

    def _close(self, stretch: Stretch) -> None:
        """Not as soon as it is full: much of what is claimed is completed and moved on by now."""
        if not stretch.is_closed:
            stretch.close()
            if stretch.count <= stretches.STRETCH // 2:
                self._tidy(stretch)

    def _tidy(self, stretch: Stretch) -> None:
        """Put a closed stretch and one beside it together, if they fit into half of one, and all
        is worked out that is asked of them."""
        if not stretch.is_closed or (stretch.count and not stretch.is_known):
            return
        at = bisect_left(self._stretches, stretch.first_seq, key=_first_seq_of)
        if at == len(self._stretches) or self._stretches[at] is not stretch:
            return  # it was put together with another one
        if not stretch.count and len(self._stretches) > 1:
            del self._stretches[at]
            return
        for first in (at, at - 1):
            pair = self._stretches[max(first, 0) : first + 2]
            if len(pair) == 2 and fit(*pair):
                self._stretches[first : first + 2] = [joined(*pair)]
                return


def _first_seq_of(stretch: Stretch) -> int:
    return stretch.first_seq
