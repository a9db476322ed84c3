"""How often agents may use force."""

import pytest

from chargehand.actors import force, limits
from chargehand.actors.clock import NS
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.force import ForceGuard
from chargehand.actors.identity import SCHEDULER
from tests.actors.task.kit import OPERATOR, agent

START_NS = 1_000 * NS


class _Hand:
    """A clock that is moved by hand."""

    def __init__(self):
        self.at_ns = START_NS

    def steady_ns(self):
        return self.at_ns


def _allowed(guard, caller, task_id="t"):
    try:
        guard.check(caller, task_id)
    except Rejected as refused:
        return refused.code is not Code.FORCE_OP_RATE_LIMITED
    return True


@pytest.fixture
def clock():
    return _Hand()


@pytest.fixture
def guard(clock):
    return ForceGuard(clock, allow_agents=True)


def test_an_agent_may_use_force_ten_times_in_a_minute(clock, guard):
    for _ in range(limits.FORCE_OPS_MAX):
        assert _allowed(guard, agent("s1"))
        clock.at_ns += NS
    assert not _allowed(guard, agent("s1"))


def test_the_minute_begins_with_the_first_attempt_and_does_not_move(clock, guard):
    for _ in range(limits.FORCE_OPS_MAX):
        assert _allowed(guard, agent("s1"))
    clock.at_ns = START_NS + limits.FORCE_WINDOW_S * NS - 1
    assert not _allowed(guard, agent("s1"))
    clock.at_ns += 1
    for _ in range(limits.FORCE_OPS_MAX):
        assert _allowed(guard, agent("s1"))
    assert not _allowed(guard, agent("s1"))


def test_each_agent_and_each_task_is_counted_alone(guard):
    for _ in range(limits.FORCE_OPS_MAX):
        assert _allowed(guard, agent("s1"))
    assert not _allowed(guard, agent("s1"))
    assert _allowed(guard, agent("s2"))
    assert _allowed(guard, agent("s1"), "t2")


@pytest.mark.parametrize("caller", [OPERATOR, SCHEDULER])
def test_people_and_the_system_are_not_counted(guard, caller):
    for _ in range(limits.FORCE_OPS_MAX + 1):
        assert _allowed(guard, caller)


def test_agents_may_be_kept_from_it_altogether(clock):
    guard = ForceGuard(clock, allow_agents=False)
    with pytest.raises(Rejected) as refused:
        guard.check(agent("s1"), "t")
    assert refused.value.code is Code.FORBIDDEN_OPERATOR_ACTION
    assert _allowed(guard, OPERATOR)


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(clock, guard, monkeypatch):
    monkeypatch.setattr(force, "_WINDOWS_MAX", 2)
    for _ in range(limits.FORCE_OPS_MAX):
        assert _allowed(guard, agent("s1"))
    assert _allowed(guard, agent("s2"))
    assert not _allowed(guard, agent("s1"))
    assert _allowed(guard, agent("s3"))
    assert not _allowed(guard, agent("s1"))
    assert _allowed(guard, agent("s4"))
    assert _allowed(guard, agent("s5"))
    assert _allowed(guard, agent("s1"))
