"""Deadlines against a dict that is sorted each time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chargehand.actors.deadlines import Deadlines

KEYS = st.sampled_from("abcdefgh")


def test_a_deadline_that_equals_the_time_has_passed():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("lease", 100)
    assert deadlines.pop_due(99) == []
    assert deadlines.pop_due(100) == ["lease"]
    assert deadlines.pop_due(100) == []
    assert deadlines.next_at_ns() is None


def test_due_keys_come_earliest_first_and_equal_ones_in_the_order_of_setting():
    deadlines: Deadlines[str] = Deadlines()
    for key, at_ns in [("z", 5), ("late", 9), ("a", 5), ("early", 1)]:
        deadlines.set(key, at_ns)
    assert deadlines.pop_due(5) == ["early", "z", "a"]
    assert "late" in deadlines


def test_a_deadline_set_again_replaces_the_former_also_when_earlier():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("lease", 100)
    deadlines.set("lease", 300)
    assert deadlines.pop_due(200) == []
    deadlines.set("lease", 50)
    assert deadlines.next_at_ns() == 50
    assert deadlines.at_ns("lease") == 50
    assert deadlines.pop_due(1_000) == ["lease"]


def test_a_forgotten_deadline_is_never_due():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("lease", 100)
    assert deadlines.discard("lease")
    assert not deadlines.discard("lease")
    assert deadlines.at_ns("lease") is None
    assert deadlines.pop_due(1_000) == []


def test_keys_need_no_order():
    deadlines: Deadlines[object] = Deadlines()
    first, second = object(), object()
    deadlines.set(first, 1)
    deadlines.set(second, 1)
    assert deadlines.pop_due(1) == [first, second]


def test_heartbeats_do_not_fill_the_memory():
    deadlines: Deadlines[int] = Deadlines()
    for beat in range(200):
        for lease in range(50):
            deadlines.set(lease, 1_000 + beat)
        assert deadlines.stored <= 2 * 50 + 16
    assert len(deadlines) == 50


class DeadlinesAgainstADict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.deadlines: Deadlines[str] = Deadlines()
        self.model: dict[str, int] = {}  # in order of setting

    @rule(key=KEYS, at_ns=st.integers(0, 9))
    def set(self, key, at_ns):
        self.deadlines.set(key, at_ns)
        self.model.pop(key, None)
        self.model[key] = at_ns

    @rule(key=KEYS)
    def discard(self, key):
        assert self.deadlines.discard(key) is (self.model.pop(key, None) is not None)

    @rule(now_ns=st.integers(0, 9))
    def pop_due(self, now_ns):
        by_time = sorted(self.model, key=self.model.__getitem__)
        due = [key for key in by_time if self.model[key] <= now_ns]
        assert self.deadlines.pop_due(now_ns) == due
        for key in due:
            del self.model[key]

    @invariant()
    def the_next_one_is_the_earliest(self):
        assert self.deadlines.next_at_ns() == min(self.model.values(), default=None)
        assert len(self.deadlines) == len(self.model)


DeadlinesAgainstADict.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, database=None
)
TestDeadlines = DeadlinesAgainstADict.TestCase
