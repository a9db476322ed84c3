"""Tasks that can only go together: a tree goes as a whole, and with all that depends on it.

A blocker that is deleted changes those that depend on it, so they go first; and a tree that loses
its leaves one by one is no record of anything.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol, final

from attrs import define, field

GROUP_MAX: Final = 65_536  # tasks of one group; a larger one stays
_STEP: Final = 64  # tasks looked at in one go


class Ties(Protocol):
    """How tasks hang together."""

    def parent_id(self, task_id: str) -> str | None: ...
    def children(self, task_id: str) -> list[str]: ...
    def dependents(self, task_id: str) -> list[str]: ...
    def open_below(self, task_id: str) -> int: ...


Waves = Sequence[Sequence[str]]


@final
@define(eq=False)
class Groups:
    """Finds groups; remembers which trees have to stay, by their roots.

    Args:
        may_go: of one task, whatever hangs on it.
    """

    _ties: Ties
    _may_go: Callable[[str], bool]
    _staying: set[str] = field(factory=set)

    def of(self, task_id: str) -> Iterator[Waves | None]:
        """The group of a task in waves, each of which may go once those before it have gone; empty
        if it has to stay. None: some of the time is over that others need."""
        start = self._root(task_id)
        if start in self._staying:
            yield ()
            return
        via: dict[str, str | None] = {start: None}  # root -> the root that led to it
        waiting, members = deque([start]), dict[str, None]()
        looked_at = 0
        while waiting:
            root = waiting.popleft()
            for member in self._tree(root):
                if member is None or member in self._staying or len(members) == GROUP_MAX:
                    self._stay(root, via)
                    yield ()
                    return
                members[member] = None
                for dependent in (member, *self._ties.dependents(member)):
                    looked_at += 1
                    if looked_at % _STEP == 0:
                        yield None
                    other = self._root(dependent)
                    if other in via:
                        continue
                    via[other] = root
                    waiting.append(other)
                    if len(via) > GROUP_MAX or not self._may_go(dependent):
                        self._stay(other, via)
                        yield ()
                        return
        yield from waves(members, self._ties)

    def _tree(self, root: str) -> Iterator[str | None]:
        """The tasks of a tree; None: here is one that may not go."""
        if self._ties.open_below(root):
            yield None
            return
        waiting = deque([root])
        while waiting:
            member = waiting.popleft()
            yield member if self._may_go(member) else None
            waiting.extend(self._ties.children(member))

    def _stay(self, root: str, via: dict[str, str | None]) -> None:
        """A tree has to stay, and so have those that it depends on."""
        at: str | None = root
        while at is not None:
            self._staying.add(at)
            at = via[at]

    def _root(self, task_id: str) -> str:
        while (above := self._ties.parent_id(task_id)) is not None:
            task_id = above
        return task_id


def waves(members: Iterable[str], ties: Ties) -> Iterator[Waves | None]:
    """All of `members`: children before their parents, and dependents before what they depend on,
    unless that is below them. None: some of the time is over that others need."""
    left = dict.fromkeys(members)
    below: dict[str, int] = {}
    waiting: dict[str, int] = {}
    blockers: dict[str, list[str]] = {member: [] for member in left}
    looked_at = 0
    for member in left:
        children, dependents = ties.children(member), ties.dependents(member)
        below[member] = sum(child in left for child in children)
        waiting[member] = 0
        for one in dependents:
            if one in left:
                waiting[member] += 1
                blockers[one].append(member)
        looked_at += 1 + len(children) + len(dependents)
        if looked_at >= _STEP:
            looked_at = 0
            yield None
    found: list[list[str]] = []
    leaves = {member: None for member in left if not below[member]}
    free = [member for member in leaves if not waiting[member]]
    while left:
        # A parent that depends on its own child waits for it, and the child goes all the same.
        wave, free = free or list(leaves), []
        found.append(wave)
        for member in wave:
            del left[member], leaves[member]
        for count, member in enumerate(wave):
            for blocker in blockers[member]:
                waiting[blocker] -= 1
                if not waiting[blocker] and blocker in leaves:
                    free.append(blocker)
            parent = ties.parent_id(member)
            if parent is not None and parent in left:
                below[parent] -= 1
                if not below[parent]:
                    leaves[parent] = None
                    if not waiting[parent]:
                        free.append(parent)
            if count % _STEP == 0:
                yield None
    yield found
