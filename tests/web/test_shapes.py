import pytest
from attrs import evolve

from chargehand.actors.answers import Answer
from chargehand.actors.identity import LOCAL_USER, Origin, OriginKind
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Json,
    Pause,
    Priority,
    Run,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
)
from chargehand.web.shapes.claims import claim_of
from chargehand.web.shapes.encoding import encode, optional_time, required_time, rfc3339
from chargehand.web.shapes.references import reference_of
from chargehand.web.shapes.runs import run_of

RUN = Run("run-1", 1, RunStatus.QUEUED, Origin(OriginKind.HTTP, "tasks.enqueue_run"), 5)
TASK = TaskState(
    id="task-1",
    scope=Scope.WORKSPACE,
    workspace_id="ws_1",
    parent_task_id="task-p",
    identifier=None,
    title="a",
    description=None,
    network_channel=None,
    priority=Priority.LOW,
    max_attempts=3,
    auto_enqueue_on_ready=False,
    approval_policy=ApprovalPolicy.NONE,
    approval_state=ApprovalState.NOT_REQUIRED,
    owner=None,
    metadata=None,
    created_by=LOCAL_USER,
    origin=Origin(OriginKind.HTTP, "tasks.create"),
    created_at_ns=1,
    updated_at_ns=1,
    last_activity_at_ns=1,
    status=TaskStatus.READY,
    runs=(RUN,),
)


class Views:
    """What shapes ask of the read models, with one paused parent or none."""

    def __init__(self, paused: str | None = None) -> None:
        self._paused = paused

    def get(self, task_id: str) -> TaskState | None:
        return None

    def lease_until_ns(self, run: Run) -> int | None:
        return run.lease_until_ns

    def child_count(self, task_id: str) -> int:
        return 0

    def paused_by(self, task_id: str) -> str | None:
        return self._paused


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_790_000_000_120_000_000, "2026-09-21T14:13:20.12Z"),
        (1_790_000_000_000_000_000, "2026-09-21T14:13:20Z"),
    ],
)
def test_times_are_exact_and_trimmed(at_ns, text):
    assert rfc3339(at_ns) == text


def test_unset_times():
    assert optional_time(None) is None
    assert required_time(None) == "0001-01-01T00:00:00Z"


def test_a_fresh_run_shows_only_what_is_set():
    assert encode(run_of("task-1", RUN, Views())) == (
        b'{"id":"run-1","task_id":"task-1","status":"queued","attempt":1,'
        b'"origin":{"kind":"http","ref":"tasks.enqueue_run"},'
        b'"queued_at":"1970-01-01T00:00:00.000000005Z"}'
    )


@pytest.mark.parametrize("result", [b"null", b"0", b'""', b"[]"])
def test_an_empty_result_is_shown(result):
    assert encode(run_of("task-1", evolve(RUN, result=Json(result)), Views())).endswith(
        b'"result":%b}' % result
    )


def test_a_pause_is_looked_for_upwards_and_left_out_otherwise():
    assert b"paused" not in encode(reference_of(TASK, Views()))
    below = reference_of(TASK, Views("task-p"))
    assert (below.paused, below.effective_paused, below.paused_by_task_id) == (
        False,
        True,
        "task-p",
    )
    own = reference_of(evolve(TASK, pause=Pause(LOCAL_USER, 1, None)), Views("task-p"))
    assert (own.paused, own.effective_paused, own.paused_by_task_id) == (True, True, "task-1")


@pytest.mark.parametrize(
    ("metadata", "workflow_id"),
    [
        (b'{"workflow_id":"w"}', "w"),
        (b'{"workflow_id":5}', None),
        (b'["\\"workflow_id\\""]', None),
        (b'["workflow_id"]', None),
        (None, None),
    ],
)
def test_a_claim_shows_the_channel_three_times(metadata, workflow_id):
    run = evolve(
        RUN,
        coordination_channel_id="coord-run-1",
        metadata=None if metadata is None else Json(metadata),
    )
    claim = claim_of(Answer(evolve(TASK, runs=(run,)), run), Views())
    channel = claim.coordination_channel
    assert channel is not None
    assert channel is claim.run.coordination_channel is claim.lease.coordination_channel
    assert (channel.workspace_id, channel.workflow_id) == ("ws_1", workflow_id)
