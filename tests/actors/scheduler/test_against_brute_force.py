"""The index and the parked callers against lists that are searched from end to end."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chargehand.actors.scheduler import claimable, classed_runs
from chargehand.actors.scheduler.claimable import ClaimableIndex, rank
from chargehand.actors.scheduler.parked import Parked
from chargehand.actors.task.eligibility import Claimer, QueuedRun, agent_selector, matches
from chargehand.actors.task.state import Owner, OwnerKind
from tests.actors.scheduler.runs import a_queued_run

CAPABILITIES = ["docker", "gpu", "linux", "rust", "sql"]
AGENTS = ["coder", "writer"]
SESSIONS = ["session-1", "session-2", "session-3"]
NAMES = st.sampled_from([*AGENTS, *SESSIONS])

capability_sets = st.frozensets(st.sampled_from(CAPABILITIES), max_size=3)
owners = st.none() | st.builds(Owner, st.sampled_from(OwnerKind), NAMES)
# Few values for each field, so that equal places, shared classes and replaced runs are common.
preferred_agents = st.frozensets(st.sampled_from([agent_selector(name) for name in AGENTS]))
runs = st.builds(
    a_queued_run,
    run_id=st.sampled_from([f"run-{number}" for number in range(12)]),
    workspace_id=st.sampled_from(["ws", "ws", None]),
    channel=st.sampled_from([None, "build", "review"]),
    owner=st.none() | owners,
    required_capabilities=capability_sets,
    preferred_capabilities=st.just(frozenset()) | capability_sets | preferred_agents,
    allowed_agents=st.none() | st.frozensets(st.sampled_from(AGENTS)),
    weight=st.sampled_from([10, 20]),
    queue_order=st.integers(0, 3),
)
claimers = st.builds(
    Claimer,
    session_id=st.sampled_from(SESSIONS),
    agent_name=st.sampled_from(AGENTS),
    workspace_id=st.sampled_from(["ws", "ws", None]),
    channel=st.sampled_from([None, "build"]),
    capabilities=st.frozensets(st.sampled_from(CAPABILITIES)),
    priority_min=st.sampled_from([0, 0, 20]),
)


class IndexAgainstAList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.index = ClaimableIndex()
        self.runs: dict[str, QueuedRun] = {}  # by task
        self.gone: QueuedRun | None = None

    @rule(added=st.lists(runs, max_size=8))
    def add(self, added):
        for run in added:
            self.index.add(run)
            self.runs[run.task_id] = run

    @rule(restored=st.lists(runs, max_size=8, unique_by=lambda run: run.task_id))
    def restart(self, restored):
        self.index = ClaimableIndex()
        self.index.restore(restored)
        self.runs = {run.task_id: run for run in restored}

    @rule(task_id=st.sampled_from([f"task of run-{number}" for number in range(12)]))
    def discard(self, task_id):
        known = self.runs.pop(task_id, None)
        assert self.index.discard(task_id) is known
        self.gone = known or self.gone

    @rule()
    def give_back(self):
        """The very object that was taken out, as after a reservation that came to nothing."""
        if self.gone is not None:
            self.index.add(self.gone)
            self.runs[self.gone.task_id] = self.gone

    @rule(claimer=claimers)
    def claim(self, claimer):
        fitting = [run for run in self.runs.values() if matches(run, claimer)]
        expected = min(fitting, key=lambda run: rank(run, claimer), default=None)
        assert self.index.best(claimer) is expected
        if expected is not None:
            assert self.index.discard(expected.task_id) is expected
            self.gone = self.runs.pop(expected.task_id)

    @invariant()
    def it_holds_the_same_runs(self):
        assert len(self.index) == len(self.runs)
        for task_id, run in self.runs.items():
            assert task_id in self.index
            assert self.index.get(task_id) is run

    @invariant()
    def it_knows_the_oldest(self):
        oldest = self.index.oldest()
        assert (oldest is None) == (not self.runs)
        if oldest is not None:
            assert self.runs[oldest.task_id] is oldest
            assert oldest.queue_order == min(run.queue_order for run in self.runs.values())


TOOLS = [f"tool-{number}" for number in range(16)]
demands = st.tuples(
    st.frozensets(st.sampled_from(TOOLS), max_size=2),
    st.just(frozenset()) | st.frozensets(st.sampled_from(TOOLS), max_size=1),
    st.sampled_from([10, 20]),
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.lists(demands, min_size=12, max_size=40), st.frozensets(st.sampled_from(TOOLS)))
def test_many_classes_on_one_shelf_against_a_list(demanded, held):
    claimer = Claimer("session-1", "coder", "ws", None, held, 0)
    index = ClaimableIndex()
    waiting = []
    for number, (required, preferred, weight) in enumerate(demanded):
        run = a_queued_run(
            f"run-{number}",
            channel=None,
            required_capabilities=required,
            preferred_capabilities=preferred,
            weight=weight,
            queue_order=number,
        )
        index.add(run)
        waiting.append(run)
    fitting = sorted(
        (run for run in waiting if matches(run, claimer)), key=lambda run: rank(run, claimer)
    )
    for expected in fitting:
        assert index.best(claimer) is expected
        index.discard(expected.task_id)
    assert index.best(claimer) is None


class ForgetfulIndexAgainstAList(IndexAgainstAList):
    """The same with an index that keeps no class ready that has no run, and has the runs of each
    channel classed."""

    def __init__(self) -> None:
        super().__init__()
        self._idle_classes_max = classed_runs.IDLE_CLASSES_MAX
        classed_runs.IDLE_CLASSES_MAX = 0
        self._few = claimable._FEW
        claimable._FEW = 1

    def teardown(self) -> None:
        for task_id in list(self.runs):
            self.index.discard(task_id)
        classed_runs.IDLE_CLASSES_MAX = self._idle_classes_max
        claimable._FEW = self._few
        assert self.index.class_count == 0
        assert not self.index._all._shelves
        assert not self.index._by_channel
        assert not self.index._classed


class ParkedAgainstAList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.parked: Parked[int] = Parked()
        self.callers: dict[int, Claimer] = {}  # in order of waiting

    @rule(ticket=st.integers(0, 9), claimer=claimers)
    def park(self, ticket, claimer):
        self.parked.park(ticket, claimer)
        self.callers.pop(ticket, None)
        self.callers[ticket] = claimer

    @rule(ticket=st.integers(0, 9))
    def discard(self, ticket):
        assert self.parked.discard(ticket) is (self.callers.pop(ticket, None) is not None)

    @rule(run=runs)
    def wake(self, run):
        fitting = (ticket for ticket, claimer in self.callers.items() if matches(run, claimer))
        expected = next(fitting, None)
        assert self.parked.first_for(run) == expected
        if expected is not None:
            self.parked.discard(expected)
            del self.callers[expected]

    @invariant()
    def it_holds_the_same_callers(self):
        assert len(self.parked) == len(self.callers)
        for session_id in SESSIONS:
            assert self.parked.of_session(session_id) == [
                ticket
                for ticket, claimer in self.callers.items()
                if claimer.session_id == session_id
            ]


for machine in (IndexAgainstAList, ForgetfulIndexAgainstAList, ParkedAgainstAList):
    machine.TestCase.settings = settings(
        max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, database=None
    )

TestIndex = IndexAgainstAList.TestCase
TestForgetfulIndex = ForgetfulIndexAgainstAList.TestCase
TestParked = ParkedAgainstAList.TestCase
