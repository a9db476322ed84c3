"""The line of looks against a dict that is searched each time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chargehand.actors.scheduler.looks import Looks
from chargehand.actors.task.eligibility import QueuedRun
from tests.actors.scheduler.runs import a_queued_run

IDS = [f"run-{number}" for number in range(12)]


class LooksAgainstADict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queued: dict[str, QueuedRun] = {}
        self.at_ns: dict[str, int] = {}
        self.looks = Looks(self.queued.get)

    @rule(ids=st.sets(st.sampled_from(IDS)), at_ns=st.integers(0, 9))
    def restart(self, ids, at_ns):
        self.queued = {run_id: a_queued_run(run_id, task_id=run_id) for run_id in sorted(ids)}
        self.looks = Looks(self.queued.get)
        self.at_ns = dict.fromkeys(self.queued, at_ns)
        self.looks.restore(list(self.queued.values()), at_ns)

    @rule(run_id=st.sampled_from(IDS), at_ns=st.integers(0, 9))
    def queue(self, run_id, at_ns):
        """An equal run that was there before is another one."""
        self.leave(run_id)
        self.queued[run_id] = a_queued_run(run_id, task_id=run_id)
        self.at_ns[run_id] = at_ns
        self.looks.put(self.queued[run_id], at_ns)

    @rule(run_id=st.sampled_from(IDS))
    def leave(self, run_id):
        if self.queued.pop(run_id, None) is not None:
            del self.at_ns[run_id]
            self.looks.gone()

    @rule(now_ns=st.integers(0, 9), again_ns=st.integers(1, 5))
    def look(self, now_ns, again_ns):
        due = {run_id for run_id, at_ns in self.at_ns.items() if at_ns <= now_ns}
        looked_at = []
        while (run := self.looks.pop_due(now_ns)) is not None:
            looked_at.append(run)
        assert {run.run_id for run in looked_at} == due
        times = [self.at_ns[run.run_id] for run in looked_at]
        assert times == sorted(times)
        for run in looked_at:
            assert self.queued[run.run_id] is run
            self.at_ns[run.run_id] = now_ns + again_ns
            self.looks.put(run, now_ns + again_ns)

    @invariant()
    def it_knows_the_next_one(self):
        assert self.looks.next_at_ns() == min(self.at_ns.values(), default=None)
        assert len(self.looks) == len(self.queued)


LooksAgainstADict.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True, database=None
)
TestLooks = LooksAgainstADict.TestCase


def test_runs_that_have_gone_are_forgotten_behind_one_that_stays():
    queued: dict[str, QueuedRun] = {}
    looks = Looks(queued.get)
    for number in range(2_000):
        run = queued[f"run-{number}"] = a_queued_run(f"run-{number}", task_id=f"run-{number}")
        looks.put(run, number if number % 2 else 2_000 - number)
        if number:
            del queued[run.run_id]
            looks.gone()
        assert looks.stored < 100
    assert looks.next_at_ns() == 2_000


def test_a_line_that_moves_on_does_not_grow():
    queued = {
        f"run-{number}": a_queued_run(f"run-{number}", task_id=f"run-{number}")
        for number in range(10)
    }
    looks = Looks(queued.get)
    looks.restore(list(queued.values()), 0)
    for now_ns in range(500):
        while (run := looks.pop_due(now_ns)) is not None:
            looks.put(run, now_ns + 1)
        assert looks.stored < 200
