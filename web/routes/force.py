"""What operators do to a run by force: release, fail, retry, recover."""

from chargehand.actors.answers import Answer
from chargehand.web.addresses import run_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.preconditions import etag
from chargehand.web.requests.runs import FORCE_FAIL, FORCE_RELEASE, RECOVER_RUN, RETRY_RUN
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.runs import RunResponse, RunSuccessionResponse, run_of


async def release(call: Call) -> HttpResponse:
    caller, command = identify(call), call.decode(FORCE_RELEASE, run_id=run_id_of(call))
    return _changed(call, await call.system.ask_run(command, caller))


async def fail(call: Call) -> HttpResponse:
    caller, command = identify(call), call.decode(FORCE_FAIL, run_id=run_id_of(call))
    return _changed(call, await call.system.ask_run(command, caller))


async def retry(call: Call) -> HttpResponse:
    caller, command = identify(call), call.decode(RETRY_RUN, run_id=run_id_of(call))
    return _succeeded(call, await call.system.ask_run(command, caller))


async def recover(call: Call) -> HttpResponse:
    caller, command = identify(call), call.decode(RECOVER_RUN, run_id=run_id_of(call))
    return _succeeded(call, await call.system.ask_run(command, caller))


def _changed(call: Call, answer: Answer) -> HttpResponse:
    shape = RunResponse(run_of(answer.task.id, answer.the_run, call.system.views))
    return shown(200, shape, etag(answer.task))


def _succeeded(call: Call, answer: Answer) -> HttpResponse:
    previous, task_id, views = answer.previous_run, answer.task.id, call.system.views
    assert previous is not None, f"the new run of {task_id} succeeds no other"
    return shown(
        201,
        RunSuccessionResponse(
            run_of(task_id, previous, views), run_of(task_id, answer.the_run, views)
        ),
        etag(answer.task),
    )


ROUTES: Routes = {
    Operation.FORCE_RELEASE: release,
    Operation.FORCE_FAIL: fail,
    Operation.RETRY_RUN: retry,
    Operation.RECOVER_RUN: recover,
}
