"""When a standby takes over, by its own clock."""

import pytest

from chargehand.actors.limits import NS
from chargehand.persistence.replicated.node import (
    HESITATES_NS,
    Answered,
    Ask,
    Hesitate,
    Standby,
    Tick,
    step,
)
from chargehand.persistence.replicated.shard import NOBODY, Found, Owner, Row, Take

ME = Owner("me", "me", "me:1", 5 * NS)
LOOKS_NS = NS // 20


def takes_after_ns(row: Row, *, ttl_ns: int = 5 * NS, hesitates: bool = False) -> int:
    """How long a standby looks at a row that stands still before it takes it."""
    node = Standby(ME, ttl_ns)
    if hesitates:
        node, effects = step(node, Hesitate(True), 0)
        assert effects == []
    for now_ns in range(0, 60 * NS, LOOKS_NS):
        node, _ = step(node, Tick(), now_ns)
        node, effects = step(node, Answered(Found(row)), now_ns)
        if effects:
            assert effects == [Ask(Take(row, ME))]
            return now_ns
    raise AssertionError("it never takes")


@pytest.mark.parametrize(
    ("own_s", "its_s", "expected_s"),
    [(5, 5, 5), (5, 20, 20), (1, 5, 5), (20, 5, 20)],
)
def test_a_node_waits_for_as_long_as_the_active_one_may_answer(own_s, its_s, expected_s):
    """They need not be set alike: a setting is changed at one after the other."""
    row = Row(3, 7, Owner("other", "other", "other:1", its_s * NS), 9)
    assert takes_after_ns(row, ttl_ns=own_s * NS) == expected_s * NS


def test_who_has_stepped_down_is_not_waited_for():
    assert takes_after_ns(Row(3, 7, NOBODY, 9)) == 0


@pytest.mark.parametrize(("owner", "ttl_ns"), [(NOBODY, 0), (Owner("o", ttl_ns=5 * NS), 5 * NS)])
def test_who_is_not_suited_lets_the_others_go_first(owner, ttl_ns):
    assert takes_after_ns(Row(3, 7, owner, 9), hesitates=True) == ttl_ns + HESITATES_NS
