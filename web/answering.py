"""A call to its answer: the same rules by whichever way it came."""

from typing import Final

from chargehand.actors.errors import Rejected
from chargehand.web.call import Call, Handler
from chargehand.web.identity import authenticate
from chargehand.web.operations import Operation
from chargehand.web.problems import refusal_response
from chargehand.web.responses import AnyResponse

JSON: Final = "application/json"

_STRICT: Final = "/api/"  # probes and the description are never refused for what they ignore


def refuses_unknown(operation: Operation, strict: bool) -> bool:
    """Whether unknown members and parameters are refused, on a server that is `strict` or not."""
    return strict and operation.path.startswith(_STRICT)


async def answer_to(call: Call, handler: Handler) -> AnyResponse:
    """What the handler of its operation gives, or the refusal that it raised."""
    try:
        await authenticate(call)
        call.look_at_what_no_handler_does()
        return await handler(call)
    except Rejected as refusal:
        return refusal_response(call.system.misnamed.explained(refusal), call.operation)
