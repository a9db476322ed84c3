"""Who is woken, and that thousands who wait cost nothing."""

import pytest
from attrs import evolve as replace

from chargehand.actors.scheduler import parked as parked_module
from chargehand.actors.scheduler.parked import Parked
from chargehand.actors.task.eligibility import Claimer, matches
from chargehand.actors.task.state import Owner, OwnerKind
from tests.actors.scheduler.runs import a_queued_run, changed

NONE: frozenset[str] = frozenset()
RUN = a_queued_run("run-1")
WAITERS = 500


def claimer(number: int, **changes) -> Claimer:
    return replace(Claimer(f"session-{number}", "coder", "ws", None, NONE, 0), **changes)


@pytest.fixture
def checks(monkeypatch):
    """The pairs that `matches` was asked for."""
    asked = []

    def counted(run, claimer):
        asked.append((run, claimer))
        return matches(run, claimer)

    monkeypatch.setattr(parked_module, "matches", counted)
    return asked


def test_the_longest_waiting_caller_that_matches_is_first():
    parked: Parked[str] = Parked()
    parked.park("on another channel", claimer(1, channel="review"))
    parked.park("first", claimer(2, channel="build"))
    parked.park("second", claimer(3, agent_name="writer"))
    assert parked.first_for(RUN) == "first"
    assert len(parked) == 3


def test_callers_are_served_in_the_order_of_waiting_across_profiles():
    parked: Parked[int] = Parked()
    for number in range(20):
        parked.park(number, claimer(number, agent_name=f"agent-{number % 3}"))
    served = []
    while (ticket := parked.first_for(RUN)) is not None:
        parked.discard(ticket)
        served.append(ticket)
    assert served == list(range(20))


@pytest.mark.parametrize(
    "difference",
    [
        {"workspace_id": "elsewhere"},
        {"channel": "review"},
        {"agent_name": "writer"},
        {"capabilities": NONE},
        {"priority_min": 30},
    ],
    ids=lambda difference: next(iter(difference)),
)
def test_a_caller_is_not_taken_for_one_that_differs_in(difference):
    fits = claimer(1, capabilities=frozenset({"gpu"}))
    demanding = changed(
        RUN,
        required_capabilities=frozenset({"gpu"}),
        allowed_agents=frozenset({"coder"}),
    )
    for callers in (
        [("unfit", replace(fits, **difference)), ("fit", fits)],
        [("fit", fits), ("unfit", replace(fits, **difference))],
    ):
        parked: Parked[str] = Parked()
        for ticket, caller in callers:
            parked.park(ticket, caller)
        assert parked.first_for(demanding) == "fit"
        parked.discard("fit")
        assert parked.first_for(demanding) is None


@pytest.mark.parametrize("channels", [(None, "build"), ("build", None)])
def test_a_callers_channel_gives_it_no_precedence(channels):
    parked: Parked[int] = Parked()
    for number, channel in enumerate(channels):
        parked.park(number, claimer(number, channel=channel))
    assert parked.first_for(RUN) == 0


@pytest.mark.parametrize("agents", [("coder", "writer"), ("writer", "coder")])
def test_an_allowed_agents_name_gives_it_no_precedence(agents):
    parked: Parked[int] = Parked()
    for number, agent_name in enumerate(agents):
        parked.park(number, claimer(number, agent_name=agent_name))
    assert parked.first_for(changed(RUN, allowed_agents=frozenset(agents))) == 0


def test_a_ticket_that_is_parked_again_goes_last():
    parked: Parked[str] = Parked()
    parked.park("a", claimer(1))
    parked.park("b", claimer(2))
    parked.park("a", claimer(1))
    assert parked.first_for(RUN) == "b"
    assert len(parked) == 2


def test_a_forgotten_caller_is_never_first():
    parked: Parked[str] = Parked()
    parked.park("a", claimer(1))
    assert "a" in parked
    assert parked.discard("a")
    assert not parked.discard("a")
    assert "a" not in parked
    assert parked.first_for(RUN) is None


def test_a_run_of_a_session_wakes_only_that_session():
    parked: Parked[int] = Parked()
    for number in range(3):
        parked.park(number, claimer(number))
    own = changed(RUN, owner=Owner(OwnerKind.AGENT_SESSION, "session-2"))
    assert parked.first_for(own) == 2
    assert parked.first_for(changed(own, weight=10)) == 2
    assert parked.first_for(changed(own, workspace_id="elsewhere")) is None


def test_a_session_has_all_its_calls_listed_in_order():
    parked: Parked[str] = Parked()
    parked.park("b", claimer(1))
    parked.park("other", claimer(2))
    parked.park("a", claimer(1, priority_min=40))
    assert parked.of_session("session-1") == ["b", "a"]
    assert parked.of_session("session-3") == []
    assert parked.by_session()["session-1"] == 2
    assert "session-3" not in parked.by_session()


def test_many_waiters_of_one_profile_cost_one_check(checks):
    parked: Parked[int] = Parked()
    for number in range(WAITERS):
        parked.park(number, claimer(number))
    assert parked.first_for(RUN) == 0
    assert len(checks) == 1
    assert parked.first_for(changed(RUN, weight=0, required_capabilities=frozenset({"x"}))) is None
    assert len(checks) == 1


@pytest.mark.parametrize(
    ("waiter", "run"),
    [
        (lambda n: claimer(n, agent_name=f"agent-{n}"), RUN),
        (
            lambda n: claimer(n, agent_name=f"agent-{n}"),
            changed(RUN, owner=Owner(OwnerKind.POOL, "agent-400")),
        ),
        (
            lambda n: claimer(n, agent_name=f"agent-{n}"),
            changed(RUN, allowed_agents=frozenset({"agent-400"})),
        ),
        (
            lambda n: claimer(n, capabilities=frozenset({f"tool-{n}", "linux"})),
            changed(RUN, required_capabilities=frozenset({"linux", "tool-400"})),
        ),
        (lambda n: claimer(n), changed(RUN, owner=Owner(OwnerKind.AGENT_SESSION, "session-400"))),
    ],
    ids=["any", "pool", "allowed agent", "capability", "session"],
)
def test_many_waiters_of_many_profiles_cost_one_check(waiter, run, checks):
    parked: Parked[int] = Parked()
    for number in range(WAITERS):
        parked.park(number, waiter(number))
    ticket = parked.first_for(run)
    assert ticket in (0, 400)
    assert matches(run, waiter(ticket))
    assert len(checks) == 1


def test_nothing_stays_in_memory_of_callers_that_are_gone():
    parked: Parked[int] = Parked()
    for number in range(50):
        changes = {"agent_name": f"agent-{number % 7}", "capabilities": frozenset({str(number)})}
        parked.park(number, claimer(number % 10, **changes))
    for number in range(50):
        parked.discard(number)
    assert len(parked) == 0
    assert not any((parked._sessions, parked._profiles, parked._lines))
