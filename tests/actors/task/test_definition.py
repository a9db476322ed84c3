"""Create, patch and delete a task, and what it notes of its children."""

import pytest

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import SCHEDULER
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.effects import (
    AncestorResumed,
    BlockerCompleted,
    BlockerDeleted,
    BlockerReopened,
    CancelPropagated,
    ChildAdded,
)
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Json,
    Owner,
    OwnerKind,
    Priority,
    Scope,
    TaskStatus,
)
from tests.actors.task.kit import MANUAL, OPERATOR, Bench, agent, types

# --- create --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, TaskStatus.READY),
        ({"approval_policy": MANUAL}, TaskStatus.BLOCKED),
        ({"draft": True}, TaskStatus.DRAFT),
        ({"draft": True, "approval_policy": MANUAL}, TaskStatus.DRAFT),
    ],
)
def test_the_first_status(fields, status):
    assert Bench.created(**fields).task.status is status


def test_a_new_task_is_what_was_asked_and_the_defaults():
    task = Bench.created(title=" T ", description=" ", identifier=" I-1 ").task
    assert (task.title, task.description, task.identifier) == ("T", None, "I-1")
    assert (task.priority, task.max_attempts) == (Priority.MEDIUM, 3)
    assert task.approval_state is ApprovalState.NOT_REQUIRED
    assert (task.created_by, task.origin) == (OPERATOR.actor, OPERATOR.origin)
    assert (task.latest_event_seq, task.last_seq) == (1, 1)
    assert Bench.created(approval_policy=MANUAL).task.approval_state is ApprovalState.PENDING


@pytest.mark.parametrize(
    ("scope", "workspace_id"), [(Scope.WORKSPACE, None), (Scope.GLOBAL, "ws_1")]
)
def test_scope_and_workspace_are_a_pair(scope, workspace_id):
    command = c.CreateTask(scope=scope, title="T", workspace_id=workspace_id)
    refused = Bench().refusal(command)
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, "/workspace")


def test_an_id_in_use_is_refused_and_so_is_one_of_a_deleted_task():
    again = c.CreateTask(scope=Scope.GLOBAL, title="T")
    bench = Bench.created()
    refused = bench.refusal(again)
    assert refused.code is Code.TASK_EXISTS
    assert str(refused).endswith(" is that of a task")
    bench.do(c.DeleteTask())
    refused = bench.refusal(again)
    assert refused.code is Code.TASK_EXISTS
    assert str(refused).endswith(" was that of a task that is deleted")


def _child(parent, **fields):
    bench = Bench()
    bench.around.parents["p"] = parent
    return bench, c.CreateTask(
        **{"scope": Scope.GLOBAL, "title": "T", "parent_task_id": "p", **fields}
    )


def test_a_child_of_an_unknown_task_is_refused():
    command = c.CreateTask(scope=Scope.GLOBAL, title="T", parent_task_id="p")
    assert Bench().code(command) is Code.TASK_NOT_FOUND


@pytest.mark.parametrize("fields", [{}, {"scope": Scope.WORKSPACE, "workspace_id": "ws_2"}])
def test_a_child_of_a_workspaces_task_belongs_to_that_workspace(fields):
    bench, command = _child(Parent(Scope.WORKSPACE, "ws_1", 1, 0), **fields)
    assert bench.code(command) is Code.INVALID_REQUEST


@pytest.mark.parametrize("fields", [{}, {"scope": Scope.WORKSPACE, "workspace_id": "ws_2"}])
def test_a_child_of_a_global_task_may_belong_anywhere(fields):
    bench, command = _child(Parent(Scope.GLOBAL, None, 1, 0), **fields)
    bench.do(command)
    assert bench.task.parent_task_id == "p"


@pytest.mark.parametrize(("depth", "children"), [(limits.DEPTH_MAX, 0), (1, limits.CHILDREN_MAX)])
def test_a_tree_has_limits(depth, children):
    bench, command = _child(Parent(Scope.GLOBAL, None, depth, children))
    assert bench.code(command) is Code.GRAPH_LIMIT


def test_a_tree_may_reach_its_limits():
    parent = Parent(Scope.GLOBAL, None, limits.DEPTH_MAX - 1, limits.CHILDREN_MAX - 1)
    bench, command = _child(parent)
    bench.do(command)


def test_a_parent_notes_its_child():
    bench = Bench.created()
    assert types(bench.do(ChildAdded("t2", Scope.WORKSPACE, "ws_1"))) == ["task.child_created"]


@pytest.mark.parametrize("ref", ["", " ", "x" * 201])
def test_an_owner_needs_a_reference(ref):
    owner = Owner(OwnerKind.POOL, ref)
    with pytest.raises(Rejected) as caught:
        c.CreateTask(scope=Scope.GLOBAL, title="T", owner=owner)
    assert caught.value.pointer == "/owner/ref"
    assert Bench.created().refusal(c.PatchTask(owner=owner)).pointer == "/owner/ref"


# --- owners and claims ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (OwnerKind.HUMAN, True),
        (OwnerKind.AUTOMATION, True),
        (OwnerKind.EXTENSION, True),
        (OwnerKind.NETWORK_PEER, True),
        (OwnerKind.POOL, False),
        (OwnerKind.AGENT_SESSION, False),
    ],
)
def test_who_may_claim_a_run_of_somebodys_task(kind, allowed):
    bench = Bench.with_run(owner=Owner(kind, "s1"))
    if allowed:
        bench.do(c.ClaimRun(bench.latest.id))
    else:
        assert bench.code(c.ClaimRun(bench.latest.id)) is Code.RUN_OWNED_BY_OTHERS


def test_a_session_may_claim_a_run_of_its_own_task():
    bench = Bench.with_run(owner=Owner(OwnerKind.AGENT_SESSION, "s1"))
    assert bench.code(c.ClaimRun(bench.latest.id), agent("s2")) is Code.RUN_OWNED_BY_OTHERS
    bench.do(c.ClaimRun(bench.latest.id), agent("s1"))


# --- patch ---------------------------------------------------------------------------------------


def test_a_patch_that_differs_in_nothing_writes_nothing():
    bench = Bench.created(metadata=Json(b"{}"))
    before = bench.task
    bench.do(c.PatchTask(title=" T ", priority=Priority.MEDIUM, metadata=Json(b"{}")))
    assert bench.task is before


def test_it_is_known_by_which_event_the_priority_was_changed():
    bench = Bench.created()
    bench.do(c.PatchTask(title="other"))
    assert bench.task.priority_seq == 0
    bench.do(c.PatchTask(priority=Priority.HIGH))
    changed_seq = bench.task.last_seq
    bench.do(c.PatchTask(priority=Priority.HIGH, title="another"))
    assert bench.task.last_seq > bench.task.priority_seq == changed_seq


def test_a_patch_names_what_changed_in_a_fixed_order():
    bench = Bench.created(owner=Owner(OwnerKind.HUMAN, "me"), description="old", title="old")
    bench.pass_s(1)
    (event,) = bench.do(
        c.PatchTask(clear_owner=True, description="", title="new", max_attempts=3)
    ).events
    assert event.changed_fields == ("title", "description", "owner")
    task = bench.task
    assert (task.title, task.description, task.owner) == ("new", None, None)
    assert task.updated_at_ns == bench.now_ns


@pytest.mark.parametrize(
    ("command", "pointer"),
    [
        (c.PatchTask(), ""),
        (c.PatchTask(title=" "), "/title"),
        (c.PatchTask(max_attempts=0), "/max_attempts"),
        (c.PatchTask(max_attempts=11), "/max_attempts"),
        (c.PatchTask(network_channel="No"), "/network_channel"),
        (c.PatchTask(owner=Owner(OwnerKind.POOL, "a"), clear_owner=True), "/clear_owner"),
    ],
)
def test_a_wrong_patch_names_its_field(command, pointer):
    refused = Bench.created().refusal(command)
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, pointer)


def test_the_number_of_attempts_reopens_and_closes_a_failed_task():
    bench = Bench.leased(max_attempts=1)
    bench.do(c.FailLease(bench.latest.id, "broken"), agent("s1"))
    assert bench.task.status is TaskStatus.FAILED
    bench.do(c.PatchTask(max_attempts=2))
    assert (bench.task.status, bench.task.closed_at_ns) == (TaskStatus.READY, None)
    bench.pass_s(1)
    bench.do(c.PatchTask(max_attempts=1))
    assert (bench.task.status, bench.task.closed_at_ns) == (TaskStatus.FAILED, bench.now_ns)


def test_only_a_different_policy_sets_the_approval_back():
    bench = Bench.created(approval_policy=MANUAL)
    bench.do(c.ApproveTask())
    bench.do(c.PatchTask(approval_policy=MANUAL, title="new"))
    assert bench.task.approval_state is ApprovalState.APPROVED
    bench.do(c.PatchTask(approval_policy=ApprovalPolicy.NONE))
    assert bench.task.approval_state is ApprovalState.NOT_REQUIRED


# --- delete --------------------------------------------------------------------------------------


def test_a_task_with_children_or_an_open_run_is_not_deleted():
    bench = Bench.with_run()
    assert bench.code(c.DeleteTask()) is Code.TASK_HAS_OPEN_RUN
    bench.do(c.CancelRun(bench.latest.id))
    bench.around.children[bench.task_id] = 1
    refusal = bench.refusal(c.DeleteTask())
    assert refusal.code is Code.TASK_HAS_CHILDREN
    assert refusal.message.endswith("has 1 child")


def test_a_deleted_task_is_gone_for_commands():
    bench = Bench.with_run()
    run_id = bench.latest.id
    bench.do(c.CancelTask())
    bench.do(c.DeleteTask())
    commands = [
        c.DeleteTask(),
        c.PatchTask(title="x"),
        c.CancelTask(),
        c.ResumeTask(),
        c.Heartbeat(run_id),
    ]
    for command in commands:
        assert bench.code(command) is Code.TASK_NOT_FOUND


@pytest.mark.parametrize(
    "effect",
    [
        BlockerCompleted("b", "run-b"),
        BlockerReopened("b"),
        BlockerDeleted("b"),
        CancelPropagated("r"),
        AncestorResumed("r"),
        ChildAdded("c", Scope.GLOBAL),
    ],
)
def test_an_effect_on_a_deleted_task_is_noted_and_nothing_else(effect):
    bench = Bench.created()
    bench.do(c.DeleteTask())
    told = bench.task.latest_event_seq
    assert types(bench.do(effect, SCHEDULER)) == []
    assert bench.task.deleted
    assert bench.task.latest_event_seq == told
    unknown = Bench()
    assert types(unknown.do(effect, SCHEDULER)) == []
    assert unknown.task.deleted
