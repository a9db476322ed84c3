"""Sorted collections against a sorted list."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chargehand.actors.ordered import Ordered, numbers

few_values = st.integers(0, 40)  # so that equal ones come up


class OrderedLikeAList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ordered = numbers()
        self.model: list[int] = []

    @rule(items=st.lists(few_values, max_size=40), times=st.sampled_from([1, 30]))
    def add(self, items, times):
        for item in items * times:
            self.ordered.add(item)
            self.model.append(item)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), count=st.sampled_from([1, 5, 600]))
    def remove(self, data, count):
        picked = data.draw(st.integers(0, len(self.model) - 1))
        for _ in range(min(count, len(self.model))):
            self.ordered.remove(self.model.pop(picked % len(self.model)))

    @rule(bound=few_values)
    def read(self, bound):
        self.model.sort()
        assert list(self.ordered) == self.model
        assert self.ordered.first() == (self.model[0] if self.model else None)
        assert self.ordered.last() == (self.model[-1] if self.model else None)
        assert self.ordered.latest(7) == self.model[::-1][:7]
        assert self.ordered.count_below(bound) == sum(item < bound for item in self.model)
        assert list(self.ordered.behind(bound)) == [item for item in self.model if item > bound]

    @invariant()
    def its_length_is_known_without_sorting(self):
        assert len(self.ordered) == len(self.model)


OrderedLikeAList.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestOrdered = OrderedLikeAList.TestCase


@given(st.lists(st.tuples(few_values, st.text(max_size=3)), max_size=60))
def test_it_starts_with_what_it_is_given(items):
    assert list(Ordered(items)) == sorted(items)


@pytest.mark.parametrize("seed", range(3))
def test_items_in_another_order_than_their_own(seed):
    rng = random.Random(seed)
    items = [(number, f"{number}") for number in range(3_000)]
    order = {item: rng.random() for item in items}
    ordered = Ordered(rng.sample(items, 500), key=order.__getitem__)
    model = list(ordered)
    for item in rng.sample(items, 3_000):
        if item in model:
            ordered.remove(item)
            model.remove(item)
        else:
            ordered.add(item)
            model.append(item)
        if rng.random() < 0.01:
            model.sort(key=order.__getitem__)
            assert list(ordered) == model
            assert ordered.latest(3) == model[::-1][:3]
            assert list(ordered.behind(0.5)) == [item for item in model if order[item] > 0.5]
            assert ordered.count_below(0.5) == sum(order[item] < 0.5 for item in model)


@pytest.mark.parametrize("seed", range(3))
def test_many_items_stay_in_blocks_of_common_size(seed):
    rng = random.Random(seed)
    ordered, model = numbers(), []
    for _ in range(20_000):
        if model and rng.random() < 0.4:
            ordered.remove(model.pop(rng.randrange(len(model))))
        else:
            item = rng.randrange(10**6)
            ordered.add(item)
            model.append(item)
    assert list(ordered) == sorted(model)
    sizes = [len(block) for block in ordered._blocks]
    assert max(sizes) < 1024
    assert len(sizes) < 4 * len(model) / 512


def test_what_comes_and_goes_between_two_looks_is_never_sorted_in():
    ordered = numbers()
    for number in range(300):
        ordered.add(number)
        ordered.remove(number)
    assert len(ordered) == 0
    assert ordered.first() is None
    assert ordered._blocks == []


def test_removing_what_was_never_there_is_a_bug_that_is_reported():
    ordered = numbers([1, 2, 3])
    assert ordered.first() == 1
    ordered.remove(2)
    ordered.remove(2)
    with pytest.raises((AssertionError, IndexError)):
        ordered.first()
