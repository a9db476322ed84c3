"""Ways to be refused, each with all the operations that refuse so."""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, final

from attrs import evolve, field, frozen

from chargehand.actors.limits import BODY_BYTES_MAX, BULK_RUNS_MAX, FORCE_OPS_MAX
from chargehand.web.operations import Operation as Op
from tests.contract.scene import Scene
from tests.web.client import CONTRACT, Answered

CONTRACTED: Final = frozenset(op for op in Op if CONTRACT.operation(op.method, op.path) is not None)
FORCE: Final = frozenset(
    {
        *(Op.FORCE_RELEASE, Op.FORCE_FAIL, Op.RETRY_RUN, Op.RECOVER_RUN),
        *(Op.PAUSE_TASK, Op.RESUME_TASK),
    }
)

_BAD_PARAMETERS: Final[dict[Op, str]] = {
    Op.GET_BACKLOG: "limit=x",
    Op.GET_DASHBOARD: "origin_kind=x",
    Op.GET_HISTORY: "minutes=1441",
    Op.GET_INBOX: "lane=x",
    Op.LIST_TASKS: "status=x",
    Op.LIST_DEPENDENTS: "limit=x",
    Op.LIST_RUNS: "status=x",
    Op.LIST_ALL_RUNS: "since=yesterday",
    Op.LIST_ALL_REVIEWS: "status=open",
    Op.GET_TIMELINE: "limit=-1",
    Op.STREAM_TASK: "after_sequence=x",
    Op.STREAM: "after_sequence=x",
    Op.LIST_RUN_REVIEWS: "status=x",
    Op.LIST_TASK_REVIEWS: "limit=-1",
    Op.LIST_SUBSCRIPTIONS: "scope=x",
}


@final
@frozen
class Refusal:
    """What a cause is answered with, and by which operations."""

    status: int
    code: str
    provoke: Callable[[Scene, Op], Awaitable[Answered]]
    operations: frozenset[Op] = field(converter=frozenset)


async def nothing_else(scene: Scene, op: Op) -> Answered:
    return await scene.request(op)


async def half_an_identity(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, client=scene.client, headers={"X-AGH-Agent": "coder"})


async def a_workspace_of_nobody(scene: Scene, op: Op) -> Answered:
    headers = {"X-AGH-Workspace-ID": "nowhere"}
    return await scene.request(op, client=scene.agent, headers=headers)


async def a_run_of_others(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CLAIM_NEXT)
    return await scene.request(op, client=scene.client.acting_as("s-else"))


async def as_an_agent(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, client=scene.agent)


async def too_often(scene: Scene, op: Op) -> Answered:
    for _ in range(FORCE_OPS_MAX):
        await as_an_agent(scene, op)
    return await as_an_agent(scene, op)


async def a_deleted_task(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CANCEL_TASK)
    await scene.do(Op.DELETE_TASK)
    return await scene.request(op)


async def an_unknown_workspace(scene: Scene, op: Op) -> Answered:
    body = {"scope": "workspace", "title": "t", "workspace": "nowhere"}
    query = "scope=workspace&workspace=nowhere" if op in _IN_A_WORKSPACE else ""
    return await scene.request(op, body, query=query)


async def a_workspace_without_its_scope(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, query="workspace=nowhere")


async def an_unknown_blocker(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, {"depends_on_task_id": "task-none"})


async def an_unknown_bridge(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, {**scene.body(op), "bridge_instance_id": "bridge-none"})


async def an_unknown_session(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, {"session_id": "s-none"})


async def half_a_body(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, b'{"a":')


async def two_bodies(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, json.dumps(scene.body(op)).encode() * 2)


async def no_object(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, b"[]")


async def a_wrong_type(scene: Scene, op: Op) -> Answered:
    wrong = {name: [{}] for name in _typed(op)}
    return await scene.request(op, {**scene.body(op), **wrong})


async def a_blank_reason(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, {**scene.body(op), "reason": " "})


async def too_many_runs(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, {**scene.body(op), "run_ids": ["run-x"] * (BULK_RUNS_MAX + 1)})


async def a_bad_parameter(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, query=_BAD_PARAMETERS[op])


async def a_long_body(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, b" " * (BODY_BYTES_MAX + 1))


async def a_long_value(scene: Scene, op: Op) -> Answered:
    long = dict.fromkeys(_free(op), "x" * 65_536)
    return await scene.request(op, {**scene.body(op), **long})


async def twice(scene: Scene, op: Op) -> Answered:
    await scene.do(op)
    return await scene.request(op)


async def a_taken_id(scene: Scene, op: Op) -> Answered:
    return await scene.request(op, {**scene.body(op), "id": scene.other_id})


async def a_cycle(scene: Scene, op: Op) -> Answered:
    body = {"depends_on_task_id": scene.task_id}
    await scene.client.post(f"/api/tasks/{scene.other_id}/dependencies", body)
    return await scene.request(op)


async def a_canceled_blocker(scene: Scene, op: Op) -> Answered:
    if op is not Op.ADD_DEPENDENCY:
        await scene.do(Op.ADD_DEPENDENCY)
    await scene.client.post(f"/api/tasks/{scene.other_id}/cancel")
    return await scene.request(op)


async def a_parent(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CREATE_CHILD)
    return await scene.request(op)


async def a_canceled_task(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CANCEL_TASK)
    return await scene.request(op)


async def a_completed_task(scene: Scene, op: Op) -> Answered:
    for step in (Op.CLAIM_RUN, Op.START_RUN, Op.COMPLETE_RUN):
        await scene.do(step)
    return await scene.request(op)


async def a_claimed_run(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CLAIM_RUN)
    return await scene.request(op)


async def a_canceled_run(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CANCEL_RUN)
    return await scene.request(op)


async def a_judged_review(scene: Scene, op: Op) -> Answered:
    scene = await scene.reviewed()
    await scene.do(Op.SUBMIT_VERDICT)
    other = {**scene.body(op)["verdict"], "delivery_id": "another"}
    return await scene.request(op, {**scene.body(op), "verdict": other})


async def a_judge_of_their_own_work(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CLAIM_NEXT)
    await scene.do(Op.AGENT_COMPLETE)
    asked = await scene.request(Op.REQUEST_REVIEW)
    review_id = asked.json["review"]["review_id"]
    return await evolve(scene, review_id=review_id).request(op, client=scene.agent)


async def another_run(scene: Scene, op: Op) -> Answered:
    scene = await scene.reviewed()
    return await scene.request(op, {**scene.body(op), "run_id": "run-else"})


async def a_policy_for_other_ends(scene: Scene, op: Op) -> Answered:
    await scene.do(Op.CANCEL_RUN)
    return await scene.request(op, {"policy": "on_success"})


async def a_failed_storage(scene: Scene, op: Op) -> Answered:
    """Nothing can be used after it."""
    if op is Op.SUBMIT_VERDICT:
        scene = await scene.reviewed()
    for system in scene.systems:
        await system.journal.close()
        system.availability.failure = "the disk is gone"  # as whoever runs the journal would say
    return await scene.request(op)


def _members(op: Op) -> Iterable[str]:
    """The members of the operation's body."""
    listed = CONTRACT.operation(op.method, op.path) or {}
    content = listed.get("requestBody", {}).get("content", {})
    if not content:
        return ()
    name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    return CONTRACT.document["components"]["schemas"][name]["properties"]


def _free(op: Op) -> set[str]:
    """Those that may be any JSON of so many bytes."""
    return {"metadata", "result"} & set(_members(op))


def _typed(op: Op) -> set[str]:
    return set(_members(op)) - _free(op)


_AGENTS: Final = frozenset({Op.AGENT_HEARTBEAT, Op.AGENT_RELEASE, Op.AGENT_COMPLETE, Op.AGENT_FAIL})
_OF_TASKS: Final = {op for op in CONTRACTED if op.path.startswith("/api/tasks/{id}")}
_OBSERVING: Final = frozenset({Op.GET_DASHBOARD, Op.GET_INBOX})
_IN_A_WORKSPACE: Final = _OBSERVING | {Op.LIST_TASKS}
_IDENTIFYING: Final = CONTRACTED - {Op.GET_DASHBOARD}  # it is the same for everybody
_OPERATORS: Final = {op for op in CONTRACTED if op.path.startswith("/api/task-runs/")}
_OF_RUNS: Final = _AGENTS | _OPERATORS | (FORCE - _OF_TASKS) | {Op.INSPECT_RUN}
_BULK: Final = frozenset({Op.BULK_RELEASE, Op.BULK_FAIL})
_WRITES: Final = {op for op in CONTRACTED if op.method != "GET"}
_DECODING: Final = {op for op in CONTRACTED if _members(op)}


def _invalid(
    provoke: Callable[[Scene, Op], Awaitable[Answered]], operations: Iterable[Op]
) -> tuple[Refusal, ...]:
    """A body that is wrong, for the operations that answer so with 422 or, without it, with 400."""
    named = frozenset(operations)
    known = frozenset(op for op in named if 422 in op.refusals)
    return (
        Refusal(422, "invalid_request", provoke, known),
        Refusal(400, "invalid_request", provoke, named - known),
    )


# In this order for each operation: after the last one nothing works any more.
REFUSALS: Final = (
    Refusal(401, "identity_required", half_an_identity, _IDENTIFYING),
    Refusal(403, "identity_unauthorized", a_workspace_of_nobody, _IDENTIFYING),
    Refusal(403, "AUTONOMY_FOREIGN_RUN", a_run_of_others, _AGENTS),
    Refusal(404, "task_not_found", a_deleted_task, _OF_TASKS),
    Refusal(404, "task_run_not_found", a_deleted_task, _OF_RUNS),
    Refusal(403, "task_run_self_review", a_judge_of_their_own_work, {Op.SUBMIT_VERDICT}),
    Refusal(404, "task_run_review_not_found", nothing_else, {Op.GET_REVIEW, Op.SUBMIT_VERDICT}),
    Refusal(404, "task_not_found", an_unknown_blocker, {Op.ADD_DEPENDENCY}),
    Refusal(404, "task_dependency_not_found", nothing_else, {Op.REMOVE_DEPENDENCY}),
    Refusal(404, "task_execution_profile_not_found", nothing_else, {Op.DELETE_PROFILE}),
    Refusal(404, "bridge_not_found", an_unknown_bridge, {Op.CREATE_SUBSCRIPTION}),
    Refusal(
        404,
        "bridge_subscription_not_found",
        nothing_else,
        {Op.GET_SUBSCRIPTION, Op.DELETE_SUBSCRIPTION},
    ),
    Refusal(404, "session_not_found", an_unknown_session, {Op.ATTACH_SESSION}),
    Refusal(404, "workspace_not_found", an_unknown_workspace, {*_IN_A_WORKSPACE, Op.CREATE_TASK}),
    Refusal(422, "invalid_request", a_workspace_without_its_scope, _OBSERVING),
    *_invalid(half_a_body, _DECODING),
    *_invalid(two_bodies, _DECODING),
    *_invalid(no_object, _DECODING),
    *_invalid(a_wrong_type, {op for op in CONTRACTED if _typed(op)}),
    *_invalid(a_bad_parameter, _BAD_PARAMETERS),
    Refusal(413, "payload_too_large", a_long_body, {op for op in _WRITES if op.method != "DELETE"}),
    Refusal(413, "payload_too_large", a_long_value, {op for op in CONTRACTED if _free(op)}),
    Refusal(400, "invalid_request", another_run, {Op.SUBMIT_VERDICT}),
    Refusal(400, "task_has_open_run", nothing_else, {Op.DELETE_TASK}),
    Refusal(400, "task_has_children", a_parent, {Op.DELETE_TASK}),
    Refusal(409, "AUTONOMY_LEASE_ALREADY_HELD", twice, {Op.CLAIM_NEXT}),
    Refusal(409, "AUTONOMY_NO_ACTIVE_LEASE", nothing_else, _AGENTS),
    Refusal(409, "task_already_exists", a_taken_id, {Op.CREATE_TASK, Op.CREATE_CHILD}),
    Refusal(409, "task_dependency_cycle", a_cycle, {Op.ADD_DEPENDENCY}),
    Refusal(409, "task_below_canceled", a_canceled_task, {Op.CREATE_CHILD}),
    Refusal(
        409, "task_dependency_canceled", a_canceled_blocker, {Op.ADD_DEPENDENCY, Op.ENQUEUE_RUN}
    ),
    Refusal(409, "task_has_open_run", nothing_else, {Op.ENQUEUE_RUN}),
    Refusal(
        409,
        "task_invalid_transition",
        a_canceled_task,
        {Op.PUBLISH_TASK, Op.START_TASK, Op.APPROVE_TASK, Op.REJECT_TASK, Op.ENQUEUE_RUN},
    ),
    Refusal(409, "task_invalid_transition", a_completed_task, {Op.CANCEL_TASK}),
    Refusal(409, "task_invalid_transition", a_claimed_run, {Op.SET_PROFILE, Op.DELETE_PROFILE}),
    Refusal(409, "task_run_already_terminal", a_canceled_task, {Op.PAUSE_TASK}),
    Refusal(
        409,
        "task_invalid_transition",
        a_canceled_run,
        {Op.CLAIM_RUN, Op.START_RUN, Op.ATTACH_SESSION},
    ),
    Refusal(
        409,
        "task_run_invalid_transition",
        a_canceled_run,
        {Op.COMPLETE_RUN, Op.FAIL_RUN, Op.CANCEL_RUN},
    ),
    Refusal(
        409,
        "task_run_invalid_transition",
        nothing_else,
        {Op.START_RUN, Op.ATTACH_SESSION, Op.COMPLETE_RUN, Op.FAIL_RUN},
    ),
    Refusal(409, "task_run_invalid_transition", twice, {Op.CLAIM_RUN}),
    Refusal(409, "task_run_not_releasable", a_canceled_run, {Op.FORCE_RELEASE}),
    Refusal(409, "task_run_already_terminal", a_canceled_run, {Op.FORCE_FAIL}),
    Refusal(409, "task_run_still_active", nothing_else, {Op.RETRY_RUN}),
    Refusal(409, "task_run_not_recoverable", nothing_else, {Op.RECOVER_RUN}),
    Refusal(409, "task_run_not_reviewable", nothing_else, {Op.REQUEST_REVIEW}),
    Refusal(409, "task_run_not_reviewable", a_policy_for_other_ends, {Op.REQUEST_REVIEW}),
    Refusal(409, "task_run_review_closed", a_judged_review, {Op.SUBMIT_VERDICT}),
    Refusal(
        422,
        "force_op_requires_reason",
        a_blank_reason,
        {Op.PAUSE_TASK, Op.FORCE_FAIL, Op.BULK_FAIL},
    ),
    Refusal(422, "bulk_too_large", too_many_runs, _BULK),
    Refusal(429, "force_op_rate_limited", too_often, FORCE),
    Refusal(503, "storage_failed", a_failed_storage, _WRITES),
)
