"""Whether the server lives, and whether it takes work."""

from collections.abc import Callable

from chargehand.web.call import Call, Handler, Routes
from chargehand.web.operations import Operation
from chargehand.web.problems import not_ready_response
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.health import Standing, readiness_of, retention_of


async def liveness(_: Call) -> HttpResponse:
    return HttpResponse(200, b'{"status":"ok"}')


def readiness_of_node(standing: Callable[[], Standing] | None) -> Handler:
    """The handler of one of several nodes, which stands so; None: of a server alone."""

    async def readiness(call: Call) -> HttpResponse:
        """What is set aside leaves the server ready: all else is served."""
        system = call.system
        failure = system.failure
        if failure is not None:
            return not_ready_response(failure)
        report = readiness_of(
            system.journal.epoch,
            system.faults,
            system.time_watch.statistics(),
            system.clock_behind_s,
            retention_of(system.retention, system.journal.forgotten.ids),
            None if standing is None else standing(),
        )
        return shown(200, report)

    return readiness


ROUTES: Routes = {
    Operation.LIVENESS: liveness,
    Operation.READINESS: readiness_of_node(None),
}
