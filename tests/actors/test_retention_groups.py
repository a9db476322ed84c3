"""What can only go together: whole trees, with all that depends on them, in an order that breaks
nothing."""

from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.retention.groups import Groups, waves


class Woods:
    """Tasks by number: each may have a parent before it, and depends on some others."""

    def __init__(self, parents: dict[str, str | None], blockers: dict[str, set[str]]) -> None:
        self.parents = parents
        self.blockers = blockers
        self.open: set[str] = set()

    def parent_id(self, task_id: str) -> str | None:
        return self.parents[task_id]

    def children(self, task_id: str) -> list[str]:
        return [one for one, parent in self.parents.items() if parent == task_id]

    def dependents(self, task_id: str) -> list[str]:
        return [one for one, blockers in self.blockers.items() if task_id in blockers]

    def open_below(self, task_id: str) -> int:
        return sum(
            (child in self.open) + self.open_below(child) for child in self.children(task_id)
        )

    def above(self, task_id: str) -> set[str]:
        parent = self.parents[task_id]
        return set() if parent is None else {parent, *self.above(parent)}


@st.composite
def woods(draw) -> Woods:
    names = [f"t{n}" for n in range(draw(st.integers(1, 9)))]
    parents: dict[str, str | None] = {}
    blockers: dict[str, set[str]] = {}
    for n, name in enumerate(names):
        parents[name] = draw(st.sampled_from([None, None, *names[:n]]))
    order = draw(st.permutations(names))  # dependencies make no cycle
    for n, name in enumerate(order):
        blockers[name] = draw(st.sets(st.sampled_from(order[:n]), max_size=2)) if n else set()
    found = Woods(parents, blockers)
    found.open = draw(st.sets(st.sampled_from(names), max_size=2))
    return found


def last(steps):
    found = [step for step in steps if step is not None]
    assert len(found) == 1
    return [list(wave) for wave in found[0]]


@given(woods())
def test_a_group_is_closed_and_none_of_it_is_kept_and_every_such_group_is_found(woods):
    groups = Groups(woods, lambda task_id: task_id not in woods.open)
    for task_id in woods.parents:
        found = [one for wave in last(groups.of(task_id)) for one in wave]
        assert len(found) == len(set(found))
        closed = {task_id}
        while True:
            more = {
                *closed,
                *(above for one in closed for above in woods.above(one)),
                *(child for one in closed for child in woods.children(one)),
                *(dependent for one in closed for dependent in woods.dependents(one)),
            }
            if more == closed:
                break
            closed = more
        assert set(found) == (set() if closed & woods.open else closed)


@given(woods())
def test_children_go_before_parents_and_dependents_before_blockers_that_are_not_below(woods):
    order = [one for wave in last(waves(woods.parents, woods)) for one in wave]
    at = {one: n for n, wave in enumerate(last(waves(woods.parents, woods))) for one in wave}
    assert sorted(order) == sorted(woods.parents)
    for one, parent in woods.parents.items():
        assert parent is None or at[one] < at[parent]
    if all(parent is None for parent in woods.parents.values()):
        for one, blockers in woods.blockers.items():
            assert all(at[one] < at[blocker] for blocker in blockers)


def test_a_parent_that_depends_on_its_child_goes_after_it():
    woods = Woods({"root": None, "leaf": "root"}, {"root": {"leaf"}, "leaf": set()})
    groups = Groups(woods, lambda _: True)
    assert last(groups.of("leaf")) == [["leaf"], ["root"]]


def test_a_long_chain_with_one_task_that_stays_is_walked_once():
    count = 400
    names = [f"t{n}" for n in range(count)]
    looked_at: list[str] = []

    class Chain(Woods):
        def dependents(self, task_id: str) -> list[str]:
            number = int(task_id[1:])
            return names[number + 1 : number + 2]

        def children(self, task_id: str) -> list[str]:
            return []

    def may_go(task_id: str) -> bool:
        looked_at.append(task_id)
        return task_id != names[-1]

    groups = Groups(Chain(dict.fromkeys(names), {}), may_go)
    assert all(last(groups.of(name)) == [] for name in names)
    assert len(looked_at) <= 2 * count


def test_a_task_with_very_many_dependents_is_looked_at_in_turns():
    names = [f"t{n}" for n in range(10_000)]

    class Hub(Woods):
        def __init__(self, opened: set[str]) -> None:
            super().__init__(dict.fromkeys(["hub", *names]), {})
            self.open = opened

        def dependents(self, task_id: str) -> list[str]:
            return names if task_id == "hub" else []

        def children(self, task_id: str) -> list[str]:
            return []

    def steps(opened: set[str]) -> tuple[int, int]:
        looked_at: list[str] = []

        def may_go(task_id: str) -> bool:
            looked_at.append(task_id)
            return task_id not in opened

        most = before = turns = 0
        for _ in Groups(Hub(opened), may_go).of("hub"):
            most, before, turns = max(most, len(looked_at) - before), len(looked_at), turns + 1
        return most, turns

    most, turns = steps(opened=set())
    assert most <= 200
    assert turns > 100
    assert steps(opened={names[0]}) == (2, 1)
