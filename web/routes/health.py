"""Whether the server lives, and whether it takes work."""

from chargehand.web.call import Call, Routes
from chargehand.web.operations import Operation
from chargehand.web.problems import not_ready_response
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.health import readiness_of, retention_of


async def liveness(_: Call) -> HttpResponse:
    return HttpResponse(200, b'{"status":"ok"}')


async def readiness(call: Call) -> HttpResponse:
    """What is set aside leaves the server ready: all else is served."""
    failure = call.system.failure
    if failure is not None:
        return not_ready_response(failure)
    system = call.system
    statistics = system.time_watch.statistics()
    epoch = system.journal.epoch
    retention = retention_of(system.retention, system.journal.forgotten.ids)
    return shown(
        200, readiness_of(epoch, system.faults, statistics, system.clock_behind_s, retention)
    )


ROUTES: Routes = {Operation.LIVENESS: liveness, Operation.READINESS: readiness}
