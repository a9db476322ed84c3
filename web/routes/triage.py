"""A task in its caller's own inbox: read, archived, dismissed."""

from chargehand.actors.task import commands as c
from chargehand.actors.task.state import TriageAction
from chargehand.web.addresses import task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.profiles import TriageResponse, triage_of


async def _triage(call: Call, action: TriageAction) -> HttpResponse:
    caller = identify(call)
    answer = await call.system.ask(task_id_of(call), c.TriageTask(action), caller)
    return shown(200, TriageResponse(triage_of(answer.task, caller.actor)))


async def read(call: Call) -> HttpResponse:
    return await _triage(call, TriageAction.READ)


async def archive(call: Call) -> HttpResponse:
    return await _triage(call, TriageAction.ARCHIVE)


async def dismiss(call: Call) -> HttpResponse:
    return await _triage(call, TriageAction.DISMISS)


ROUTES: Routes = {
    Operation.MARK_TASK_READ: read,
    Operation.ARCHIVE_TASK: archive,
    Operation.DISMISS_TASK: dismiss,
}
