"""The graph: what it answers, the effects that it derives, and that it can be rebuilt."""

import pytest

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.graph import effects, nodes
from chargehand.actors.graph import graph as graph_module
from chargehand.actors.graph.graph import Graph
from chargehand.actors.task import commands as c
from chargehand.actors.task import effects as f
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.state import Json, RunStatus, Scope, TaskStatus
from tests.actors.graphs import restore_graph
from tests.actors.task.kit import agent
from tests.actors.task.town import Town

S1 = agent("s1")


@pytest.fixture
def town():
    return Town()


def _tree(town):
    """root - (left - leaf, right)."""
    for task_id, parent in [("root", None), ("left", "root"), ("right", "root"), ("leaf", "left")]:
        town.create(task_id, parent_task_id=parent)


# --- parents -------------------------------------------------------------------------------------


def test_a_tree(town):
    _tree(town)
    graph = town.graph
    assert graph.children("root") == ["left", "right"]
    assert graph.child_count("root") == 2
    assert graph.parent_id("leaf") == "left"
    assert list(graph.ancestors("leaf")) == ["left", "root"]
    assert list(graph.descendants("root")) == [("left", 1), ("right", 1), ("leaf", 2)]
    assert graph.parent("leaf") == Parent(Scope.GLOBAL, None, 3, 0)
    assert graph.parent("root") == Parent(Scope.GLOBAL, None, 1, 2)


def test_what_is_unknown_is_nothing(town):
    graph = town.graph
    assert not graph.exists("x")
    assert not graph.is_completed("x")
    assert not graph.is_done("x")
    assert graph.parent("x") is None
    assert graph.parent_id("x") is None
    assert graph.paused_by("x") is graph.canceled_by("x") is None
    assert graph.open_below("x") == 0
    assert (graph.children("x"), graph.child_count("x")) == ([], 0)
    assert list(graph.ancestors("x")) == list(graph.descendants("x")) == []
    assert not graph.reaches("x", "y")


def test_a_parent_is_told_of_its_child(town):
    town.create("root")
    assert town.create("child", parent_task_id="root") == (
        f.Effect("root", f.ChildAdded("child", Scope.GLOBAL, None)),
    )


def test_a_deleted_child_is_gone(town):
    _tree(town)
    town.do("leaf", c.DeleteTask())
    assert town.graph.children("left") == []
    assert not town.graph.exists("leaf")


# --- dependencies --------------------------------------------------------------------------------


def _chain(town):
    """c waits for b, and b for a."""
    for task_id in "abc":
        town.create(task_id)
    town.do("b", c.AddDependency("a"))
    town.do("c", c.AddDependency("b"))


def test_who_depends_on_whom(town):
    _chain(town)
    assert town.graph.reaches("c", "a")
    assert town.graph.reaches("b", "a")
    assert not town.graph.reaches("a", "c")
    assert not town.graph.reaches("a", "a")
    town.do("b", c.RemoveDependency("a"))
    assert not town.graph.reaches("c", "a")


def test_dependents_are_told_of_each_move_and_of_the_run_that_made_it(town):
    _chain(town)
    town.do("c", c.AddDependency("a"))
    town.do("a", c.StartTask())
    run_id = town.states["a"].runs[-1].id
    town.do("a", c.ClaimRun(run_id))
    town.do("a", c.StartRun(run_id))
    told = town.do("a", c.CompleteRun(run_id))
    assert told == (
        f.Effect("b", f.BlockerCompleted("a", run_id)),
        f.Effect("c", f.BlockerCompleted("a", run_id)),
    )
    assert town.graph.is_completed("a")
    told = town.do("a", c.StartTask())
    assert told == (
        f.Effect("b", f.BlockerReopened("a")),
        f.Effect("c", f.BlockerReopened("a")),
    )
    assert not town.graph.is_completed("a")


def test_a_failure_has_no_effect_on_dependents(town):
    _chain(town)
    town.do("a", c.PatchTask(max_attempts=1))
    town.do("a", c.StartTask())
    assert town.do("a", c.ForceFail(town.states["a"].runs[-1].id, "stuck")) == ()


def test_a_deleted_blocker_is_told_to_its_dependents(town):
    _chain(town)
    town.create("done")
    town.complete("done")
    town.do("c", c.AddDependency("done"))
    assert town.do("a", c.DeleteTask()) == (f.Effect("b", f.BlockerDeleted("a", undone=True)),)
    assert town.do("done", c.DeleteTask()) == (
        f.Effect("c", f.BlockerDeleted("done", undone=False)),
    )


def test_a_deleted_dependent_is_told_nothing_more(town):
    _chain(town)
    town.do("b", c.DeleteTask())
    assert not town.graph.reaches("c", "a")
    town.complete("a")
    assert [one.target for one in town.pending if one.target == "b"] == []


def _long_chain(town, name, count):
    """`{name}0` waits for `{name}1`, that one for `{name}2`, and so on."""
    for number in range(count):
        town.create(f"{name}{number}")
    for number in range(count - 1):
        town.do(f"{name}{number}", c.AddDependency(f"{name}{number + 1}"))


def test_a_short_chain_can_be_joined_to_a_long_one_at_either_end(town, monkeypatch):
    monkeypatch.setattr(graph_module, "EDGES_LOOKED_AT_MAX", 20)
    _long_chain(town, "long", 50)
    _long_chain(town, "short", 4)
    town.do("short1", c.AddDependency("long0"))
    town.do("long49", c.AddDependency("short2"))
    with pytest.raises(Rejected) as refused:
        town.do("short3", c.AddDependency("long40"))
    assert refused.value.code is Code.GRAPH_CYCLE


def test_the_search_for_a_cycle_ends_after_a_bounded_number_of_edges(town, monkeypatch):
    monkeypatch.setattr(graph_module, "EDGES_LOOKED_AT_MAX", 20)
    _long_chain(town, "a", 50)
    _long_chain(town, "b", 50)
    looked_at = []
    walk = graph_module._walk
    monkeypatch.setattr(
        graph_module,
        "_walk",
        lambda *args: (looked_at.append(found) or found for found in walk(*args)),
    )
    with pytest.raises(Rejected) as refused:
        town.do("a40", c.AddDependency("b9"))
    assert refused.value.code is Code.GRAPH_LIMIT
    assert len(looked_at) == 20
    town.do("a40", c.RemoveDependency("a41"))
    town.do("a35", c.RemoveDependency("a36"))
    town.do("a40", c.AddDependency("b9"))


# --- cancel, pause -------------------------------------------------------------------------------


def test_a_cancel_goes_from_level_to_level_through_what_has_ended(town):
    _tree(town)
    town.create("done", parent_task_id="root")
    town.complete("left")
    town.complete("done")
    town.deliver_all()
    sweep = f.CancelPropagated("root", "enough", Json(b"1"))
    assert town.do("root", c.CancelTask("enough", Json(b"1"))) == (
        f.Effect("left", sweep),  # completed, but there is more below
        f.Effect("right", sweep),
    )
    town.deliver(0)
    assert town.pending[-1] == f.Effect("leaf", sweep)
    assert not town.states["left"].canceled
    town.deliver_all()
    canceled = {task_id for task_id, state in town.states.items() if state.canceled}
    assert canceled == {"root", "right", "leaf"}


def test_a_deletion_in_the_middle_does_not_stop_a_cancel(town):
    _tree(town)
    town.create("other", parent_task_id="left")
    town.deliver_all()
    town.do("root", c.CancelTask())
    town.deliver(0)
    town.do("leaf", c.DeleteTask())
    town.deliver_all()
    assert town.states["other"].canceled


def test_a_repeated_cancel_sweeps_again(town):
    town.create("root")
    town.create("late", parent_task_id="root")
    town.do("root", c.CancelTask())
    assert town.do("root", c.CancelTask("again")) == (
        f.Effect("late", f.CancelPropagated("root", "again")),
    )
    while town.pending:
        town.deliver(0)
    assert town.do("root", c.CancelTask()) == ()


def test_the_cancel_of_a_task_that_has_ended_reaches_what_is_open_below(town):
    _tree(town)
    town.complete("root")
    town.complete("left")
    assert town.graph.open_below("root") == 2
    sweep = f.CancelPropagated("root", "enough")
    assert town.do("root", c.CancelTask("enough")) == (
        f.Effect("left", sweep),
        f.Effect("right", sweep),
    )
    assert town.graph.canceled_by("leaf") is None
    while town.pending:
        town.deliver(0)
    assert (town.graph.open_below("root"), town.graph.open_below("left")) == (0, 0)
    assert town.graph.canceled_by("leaf") == "leaf"


def test_the_nearest_canceled_task_counts_at_once(town):
    _tree(town)
    assert town.graph.canceled_by("leaf") is None
    town.do("root", c.CancelTask())
    assert town.graph.canceled_by("leaf") == "root"
    town.do("left", c.CancelTask())
    assert town.graph.canceled_by("leaf") == "left"
    assert town.graph.canceled_by("root") == "root"


def test_a_child_made_just_before_a_cancel_is_swept(town):
    town.create("root")
    town.create("late", parent_task_id="root")
    assert town.do("root", c.CancelTask()) == (f.Effect("late", f.CancelPropagated("root")),)


def test_no_record_has_more_effects_than_the_bound(town, monkeypatch):
    monkeypatch.setattr(nodes, "FAN_OUT_MAX", 3)
    monkeypatch.setattr(effects, "FAN_OUT_MAX", 3)
    town.create("blocker")
    names = [f"t{number}" for number in range(10)]
    for name in names:
        town.create(name)
        town.do(name, c.AddDependency("blocker"))
    town.complete("blocker")
    _deliver_in_slices(town)
    assert all(town.states[name].status is TaskStatus.READY for name in names)
    town.do("blocker", c.StartTask())
    town.do("t1", c.DeleteTask())  # edges that go in the middle change nothing for the others
    _deliver_in_slices(town)
    left = [name for name in names if name != "t1"]
    assert all(town.states[name].status is TaskStatus.BLOCKED for name in left)
    town.do("blocker", c.ForceFail(town.states["blocker"].open_run.id, "enough"))
    town.do("blocker", c.DeleteTask())
    _deliver_in_slices(town)
    assert all(town.states[name].dependencies == () for name in left)


class _Compared(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    count = 0

    def __lt__(self, other):
        _Compared.count += 1
        return str.__lt__(self, other)

    def __gt__(self, other):
        _Compared.count += 1
        return str.__gt__(self, other)


def test_many_dependents_are_told_without_looking_at_all_of_them_each_time(town, monkeypatch):
    monkeypatch.setattr(nodes, "FAN_OUT_MAX", 4)
    monkeypatch.setattr(effects, "FAN_OUT_MAX", 4)
    names = [_Compared(f"t{number:03}") for number in range(400)]
    town.create("blocker")
    for name in names:
        town.create(name)
        town.do(name, c.AddDependency("blocker"))
    town.complete("blocker")
    _Compared.count = 0
    batches = 1
    while town.pending:
        batches += isinstance(town.pending[0].command, f.DependentsLeft)
        town.deliver(0)
    assert batches == len(names) // 4
    assert _Compared.count < batches * 40
    assert all(town.states[name].status is TaskStatus.READY for name in names)


def _deliver_in_slices(town):
    while town.pending:
        before = len(town.pending)
        town.deliver(0)
        assert len(town.pending) - (before - 1) <= 3 + 1  # with the one to the blocker itself


def test_the_nearest_pause_counts(town):
    _tree(town)
    graph = town.graph
    assert graph.paused_by("leaf") is None
    town.do("root", c.PauseTask("wait"))
    assert graph.paused_by("leaf") == "root"
    town.do("left", c.PauseTask("wait"))
    town.do("left", c.PauseTask("still"))
    assert graph.paused_by("leaf") == "left"
    assert (graph.paused_by("right"), graph.paused_count) == ("root", 2)
    town.do("root", c.ResumeTask())
    town.do("root", c.ResumeTask())
    assert (graph.paused_by("right"), graph.paused_count) == (None, 1)


def test_a_deleted_task_pauses_nothing(town):
    town.create("a")
    town.do("a", c.PauseTask("wait"))
    town.do("a", c.DeleteTask())
    assert town.graph.paused_count == 0


def test_a_resume_reaches_those_that_wait_for_nothing_else(town):
    _tree(town)
    town.create("other", parent_task_id="root")
    for task_id in ("left", "leaf", "right"):
        town.do(task_id, c.PatchTask(auto_enqueue_on_ready=True))
    town.do("root", c.PauseTask("wait"))
    town.do("left", c.PauseTask("wait"))
    resumed = f.AncestorResumed("root")
    assert town.do("root", c.ResumeTask()) == (f.Effect("right", resumed),)
    assert town.do("left", c.ResumeTask()) == (f.Effect("leaf", f.AncestorResumed("left")),)


def test_a_resume_goes_through_those_that_do_not_wait_for_it(town):
    _tree(town)
    town.do("leaf", c.PatchTask(auto_enqueue_on_ready=True))
    town.do("root", c.PauseTask("wait"))
    town.deliver_all()
    assert town.do("root", c.ResumeTask()) == (f.Effect("left", f.AncestorResumed("root")),)
    town.deliver_all()
    assert [run.status for run in town.states["leaf"].runs] == [RunStatus.QUEUED]
    assert town.states["left"].runs == ()
    town.do("leaf", c.PatchTask(auto_enqueue_on_ready=False))
    assert town.do("root", c.ResumeTask()) == ()


# --- rebuilt from stored tasks -------------------------------------------------------------------


def test_a_graph_is_rebuilt_from_stored_tasks(town):
    _tree(town)
    _chain(town)
    town.complete("a")
    town.do("left", c.PauseTask("wait"))
    town.do("right", c.PatchTask(auto_enqueue_on_ready=True))
    town.do("right", c.CancelTask())
    town.do("right", c.DeleteTask())
    rebuilt = Graph()
    restore_graph(rebuilt, town.states.values())
    assert not rebuilt.exists("right")
    for task_id in town.states:
        assert rebuilt.children(task_id) == town.graph.children(task_id)
        assert rebuilt.parent(task_id) == town.graph.parent(task_id)
        assert rebuilt.is_completed(task_id) == town.graph.is_completed(task_id)
        assert rebuilt.is_done(task_id) == town.graph.is_done(task_id)
        assert rebuilt.paused_by(task_id) == town.graph.paused_by(task_id)
        assert rebuilt.canceled_by(task_id) == town.graph.canceled_by(task_id)
        assert rebuilt.open_below(task_id) == town.graph.open_below(task_id)
        for other in town.states:
            assert rebuilt.reaches(task_id, other) == town.graph.reaches(task_id, other)
    assert rebuilt.paused_count == town.graph.paused_count


def test_an_edge_to_a_deleted_task_survives_a_rebuild_until_its_effect_arrives(town):
    _chain(town)
    town.do("a", c.DeleteTask())
    rebuilt = Graph()
    restore_graph(rebuilt, town.states.values())
    town.graph = rebuilt
    assert rebuilt.reaches("c", "a")
    town.deliver(0)
    assert not rebuilt.reaches("c", "a")
