"""Triage: each actor's own, and nobody's business but theirs."""

from chargehand.actors import limits
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import TriageAction
from tests.actors.task.kit import OPERATOR, START_NS, Bench, agent, types

READ, ARCHIVE, DISMISS = (c.TriageTask(action) for action in TriageAction)


def marks(bench, caller=OPERATOR):
    triage = bench.task.triage_by(caller.actor)
    return (triage.read, triage.archived, triage.dismissed)


def test_each_action_sets_what_it_says():
    bench = Bench.created()
    bench.do(DISMISS)
    assert marks(bench) == (True, False, True)
    bench.do(READ)
    assert marks(bench) == (True, False, False)
    bench.do(ARCHIVE)
    assert marks(bench) == (True, True, False)


def test_archived_is_archived_for_good():
    bench = Bench.created()
    bench.do(ARCHIVE)
    bench.do(READ)
    assert marks(bench) == (True, True, False)
    bench.do(DISMISS)
    assert marks(bench) == (True, True, True)
    bench.do(ARCHIVE)
    assert marks(bench) == (True, True, False)


def test_it_notes_what_was_seen_and_is_no_activity_itself():
    bench = Bench.created()
    told = bench.task.latest_event_seq
    bench.pass_s(3)
    assert types(bench.do(READ)) == []
    triage = bench.task.triage_by(OPERATOR.actor)
    assert (triage.last_seen_activity_at_ns, triage.updated_at_ns) == (START_NS, bench.now_ns)
    assert bench.task.last_activity_at_ns == START_NS
    assert bench.task.latest_event_seq == told


def test_what_one_does_is_not_done_by_others():
    bench = Bench.created()
    bench.do(ARCHIVE, agent("s1"))
    assert bench.task.triage_by(OPERATOR.actor) is None
    bench.do(READ)
    assert marks(bench, agent("s1")) == (True, True, False)


def test_so_many_are_remembered_and_the_longest_untouched_is_forgotten():
    bench = Bench.created()
    bench.do(READ, agent("first"))
    bench.do(READ, agent("second"))
    bench.do(READ, agent("first"))
    for number in range(limits.TRIAGES_MAX - 1):
        bench.do(READ, agent(f"s{number}"))
    assert len(bench.task.triage) == limits.TRIAGES_MAX
    assert bench.task.triage_by(agent("second").actor) is None
    assert bench.task.triage_by(agent("first").actor) is not None


def test_nothing_is_left_of_it_after_a_deletion():
    bench = Bench.created()
    bench.do(READ)
    bench.do(c.DeleteTask())
    assert bench.task.triage == ()
