"""Whether the server lives, and whether it takes work."""

from web.call import Call, Routes
from web.operations import Operation
from web.problems import not_ready_reply
from web.replies import Reply


async def liveness(_: Call) -> Reply:
    return Reply(200, b'{"status":"ok"}')


async def readiness(call: Call) -> Reply:
    failure = call.system.failure
    return Reply(200, b'{"status":"ready"}') if failure is None else not_ready_reply(failure)


ROUTES: Routes = {Operation.LIVENESS: liveness, Operation.READINESS: readiness}
