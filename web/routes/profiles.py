"""How a task shall be executed: its profile, shown, replaced and taken away."""

from chargehand.actors.errors import invalid
from chargehand.actors.task import commands as c
from chargehand.actors.task.profile import (
    CoordinatorProfile,
    ExecutionProfile,
    RuntimeProfile,
    SandboxProfile,
    WorkerProfile,
)
from chargehand.web.addresses import known_task, task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.preconditions import etag
from chargehand.web.requests.profiles import ExecutionProfileRequest
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.profiles import ExecutionProfileResponse, profile_of
from chargehand.web.times import time_ns


async def get(call: Call) -> HttpResponse:
    identify(call)
    task = known_task(call)
    return shown(200, ExecutionProfileResponse(profile_of(task)), etag(task))


async def replace(call: Call) -> HttpResponse:
    body = call.decode(ExecutionProfileRequest)
    task_id = task_id_of(call)
    if body.task_id and body.task_id != task_id:
        raise invalid("/task_id", "/task_id is not the task of the path", "leave it out")
    time_ns("/created_at", body.created_at)
    time_ns("/updated_at", body.updated_at)
    command = c.SetProfile(_profile(body))
    answer = await call.system.ask(task_id, command, identify(call))
    return shown(200, ExecutionProfileResponse(profile_of(answer.task)), etag(answer.task))


def _profile(body: ExecutionProfileRequest) -> ExecutionProfile:
    coordinator, worker, sandbox = body.coordinator, body.worker, body.sandbox
    return ExecutionProfile(
        coordinator=CoordinatorProfile(
            mode=coordinator.mode,
            agent_name=coordinator.agent_name,
            provider=coordinator.provider,
            model=coordinator.model,
            guidance=coordinator.guidance,
        ),
        worker=WorkerProfile(
            mode=worker.mode,
            agent_name=worker.agent_name,
            provider=worker.provider,
            model=worker.model,
            allowed_agent_names=worker.allowed_agent_names,
            preferred_agent_names=worker.preferred_agent_names,
            required_capabilities=worker.required_capabilities,
            preferred_capabilities=worker.preferred_capabilities,
        ),
        review=body.review,
        participants=body.participants,
        sandbox=SandboxProfile(sandbox.mode, sandbox.sandbox_ref),
        runtime=RuntimeProfile(body.runtime.mode),
    )


async def delete(call: Call) -> HttpResponse:
    answer = await call.system.ask(task_id_of(call), c.DeleteProfile(), identify(call))
    return HttpResponse(204, headers=etag(answer.task))


ROUTES: Routes = {
    Operation.GET_PROFILE: get,
    Operation.SET_PROFILE: replace,
    Operation.DELETE_PROFILE: delete,
}
