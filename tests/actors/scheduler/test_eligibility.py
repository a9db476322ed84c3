"""Each rule of eligibility, and the order among the eligible."""

from random import Random

import pytest
from attrs import evolve as replace

from chargehand.actors.scheduler.claimable import ClaimableIndex, rank
from chargehand.actors.scheduler.parked import Parked
from chargehand.actors.task import eligibility
from chargehand.actors.task.eligibility import Claimer, QueuedRun, matches
from chargehand.actors.task.state import Owner, OwnerKind
from tests.actors.scheduler.runs import a_queued_run, changed

NONE: frozenset[str] = frozenset()
RUN = a_queued_run("run-1", workspace_id="ws-1")
CLAIMER = Claimer("session-1", "coder", "ws-1", None, NONE, 0)

REFUSED_BY = {
    "scope_fits": (RUN, replace(CLAIMER, workspace_id="ws-2")),
    "channel_fits": (RUN, replace(CLAIMER, channel="review")),
    "priority_suffices": (RUN, replace(CLAIMER, priority_min=30)),
    "capabilities_suffice": (changed(RUN, required_capabilities=frozenset({"gpu"})), CLAIMER),
    "agent_is_allowed": (changed(RUN, allowed_agents=frozenset({"writer"})), CLAIMER),
    "owner_admits": (changed(RUN, owner=Owner(OwnerKind.POOL, "writer")), CLAIMER),
}


def claimed(run: QueuedRun, claimer: Claimer) -> bool:
    """What the rule says, once the index and the parked callers have been found to say the same."""
    verdict = matches(run, claimer)
    index = ClaimableIndex()
    index.add(run)
    assert (index.best(claimer) is run) is verdict
    parked: Parked[str] = Parked()
    parked.park("call", claimer)
    assert (parked.first_for(run) == "call") is verdict
    return verdict


def test_a_run_without_demands_is_anybodys_in_its_workspace():
    assert claimed(RUN, CLAIMER)


@pytest.mark.parametrize("name", [rule.__name__ for rule in eligibility.ELIGIBILITY])
def test_each_rule_refuses_what_no_other_rule_refuses(name, monkeypatch):
    run, claimer = REFUSED_BY[name]
    assert not claimed(run, claimer)
    others = tuple(rule for rule in eligibility.ELIGIBILITY if rule.__name__ != name)
    monkeypatch.setattr(eligibility, "ELIGIBILITY", others)
    assert matches(run, claimer)


def test_scope_fits_a_session_of_a_workspace_never_claims_a_global_task():
    assert not claimed(changed(RUN, workspace_id=None, channel=None), CLAIMER)


def test_scope_fits_a_session_without_a_workspace_claims_only_global_tasks():
    everywhere = replace(CLAIMER, workspace_id=None)
    assert not claimed(RUN, everywhere)
    assert claimed(changed(RUN, workspace_id=None, channel=None), everywhere)


def test_channel_fits_a_session_with_a_channel_claims_that_channels_runs():
    on_channel = replace(CLAIMER, channel="build")
    assert claimed(RUN, on_channel)
    assert not claimed(changed(RUN, channel="review"), on_channel)
    assert not claimed(changed(RUN, channel=None), on_channel)


def test_channel_fits_a_session_without_a_channel_sees_every_run_of_its_scope():
    assert claimed(RUN, CLAIMER)
    assert claimed(changed(RUN, channel=None), CLAIMER)


def test_channel_fits_a_channel_name_belongs_to_its_workspace():
    assert not claimed(RUN, replace(CLAIMER, channel="build", workspace_id="ws-2"))


def test_priority_suffices_when_it_equals_the_smallest_one_wanted():
    assert claimed(RUN, replace(CLAIMER, priority_min=20))
    assert not claimed(RUN, replace(CLAIMER, priority_min=21))


def test_capabilities_suffice_when_every_required_one_is_held():
    needy = changed(RUN, required_capabilities=frozenset({"gpu", "linux"}))
    assert not claimed(needy, replace(CLAIMER, capabilities=frozenset({"gpu"})))
    assert claimed(needy, replace(CLAIMER, capabilities=frozenset({"gpu", "linux", "docker"})))


def test_capabilities_suffice_without_the_preferred_ones():
    assert claimed(changed(RUN, preferred_capabilities=frozenset({"gpu"})), CLAIMER)


def test_agent_is_allowed_when_named():
    assert claimed(changed(RUN, allowed_agents=frozenset({"writer", "coder"})), CLAIMER)


def test_agent_is_allowed_nobody_is_when_none_is_named():
    assert not claimed(changed(RUN, allowed_agents=NONE), CLAIMER)


def test_owner_admits_the_agent_of_the_pool():
    assert claimed(changed(RUN, owner=Owner(OwnerKind.POOL, "coder")), CLAIMER)
    assert not claimed(changed(RUN, owner=Owner(OwnerKind.POOL, "session-1")), CLAIMER)


def test_owner_admits_the_session_that_owns_the_run():
    mine = changed(RUN, owner=Owner(OwnerKind.AGENT_SESSION, "session-1"))
    assert claimed(mine, CLAIMER)
    assert not claimed(mine, replace(CLAIMER, session_id="session-2"))
    assert not claimed(changed(RUN, owner=Owner(OwnerKind.AGENT_SESSION, "coder")), CLAIMER)


@pytest.mark.parametrize("ref", ["coder", "session-1"])
@pytest.mark.parametrize(
    "kind", sorted(set(OwnerKind) - {OwnerKind.POOL, OwnerKind.AGENT_SESSION}, key=str)
)
def test_owner_admits_nobody_when_the_owner_is_no_agent(kind, ref):
    owned = changed(RUN, owner=Owner(kind, ref))
    assert not claimed(owned, CLAIMER)
    assert not claimed(changed(owned, required_capabilities=frozenset({"gpu"})), CLAIMER)


def drained(runs: list[QueuedRun], claimer: Claimer) -> list[str]:
    """Run ids in the order in which the index hands them out."""
    index = ClaimableIndex()
    for run in runs:
        index.add(run)
    handed_out = []
    while (run := index.best(claimer)) is not None:
        index.discard(run.task_id)
        handed_out.append(run.run_id)
    return handed_out


def run(run_id: str, weight: int, queue_order: int, preferred: frozenset[str] = NONE):
    return a_queued_run(
        run_id,
        workspace_id="ws-1",
        channel=None,
        preferred_capabilities=preferred,
        weight=weight,
        queue_order=queue_order,
    )


def test_order_is_priority_then_age_then_run_id():
    runs = [run("e", 10, 1), run("d", 20, 2), run("c", 20, 1), run("b", 20, 1), run("a", 40, 9)]
    assert drained(runs, CLAIMER) == ["a", "b", "c", "d", "e"]


def test_preferred_capabilities_rank_between_priority_and_age():
    gpu, both = frozenset({"gpu"}), frozenset({"gpu", "linux"})
    runs = [
        run("old", 20, 1),
        run("liked", 20, 2, gpu),
        run("liked-most", 20, 3, both),
        run("urgent", 40, 4),
    ]
    holder = replace(CLAIMER, capabilities=both)
    assert drained(runs, holder) == ["urgent", "liked-most", "liked", "old"]
    assert drained(runs, CLAIMER) == ["urgent", "old", "liked", "liked-most"]


def test_preferred_capabilities_put_nothing_before_a_higher_priority():
    runs = [run("liked", 20, 1, frozenset({"gpu"})), run("high", 30, 2)]
    assert drained(runs, replace(CLAIMER, capabilities=frozenset({"gpu"}))) == ["high", "liked"]


def test_one_order_across_owners_agents_and_demands():
    gpu = frozenset({"gpu"})
    runs = [
        changed(run("1", 20, 1), owner=Owner(OwnerKind.POOL, "coder")),
        changed(run("2", 20, 2), required_capabilities=gpu),
        changed(run("3", 20, 3), allowed_agents=frozenset({"coder"})),
        changed(run("4", 20, 4), owner=Owner(OwnerKind.AGENT_SESSION, "session-1")),
        changed(run("5", 20, 5), channel="build"),
        run("6", 20, 6),
    ]
    Random(3).shuffle(runs)
    claimer = replace(CLAIMER, capabilities=gpu)
    assert drained(runs, claimer) == ["1", "2", "3", "4", "5", "6"]
    assert [each.run_id for each in sorted(runs, key=lambda each: rank(each, claimer))] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
    ]
