"""One request as its handler sees it, free of any framework: each lane makes it its own way."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar, final

from attrs import define

from chargehand.actors.errors import Rejected
from chargehand.actors.identity import OriginKind
from chargehand.actors.registry.state import SessionState
from chargehand.actors.system import System
from chargehand.web.bodies import Body
from chargehand.web.decoding import parsed, structured
from chargehand.web.headers import RequestHeaders
from chargehand.web.ignored import Ignored
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import Operation
from chargehand.web.queries import Query
from chargehand.web.responses import AnyResponse

_T = TypeVar("_T")


@final
@define(eq=False)
class Call:
    """A request on its way to the core.

    Args:
        transport: what the origin of its deeds says: `http` or `uds`.
        ids: the parameters of the path.
        body: whole, and no longer than the listener allows.
        ignored: what of the request the operation does not know.
        is_head: only the headers of the answer are wanted.
        session: the session that calls (`web.identity.authenticate`); None: a local user.
    """

    system: System
    operation: Operation
    transport: OriginKind
    path: str
    ids: Mapping[str, str]
    query: Query
    headers: RequestHeaders
    body: bytes
    ignored: Ignored
    is_head: bool = False
    session: SessionState | None = None

    def look_at_what_no_handler_does(self) -> None:
        """Note what is unknown in the query, and in the body of an operation that takes none.

        Raises:
            Rejected: there is something, no body will be decoded, and the server refuses it.
        """
        self.ignored.look_at_query(self.query)
        if DOCS[self.operation].request is None:
            self.ignored.look_at_body(_object_in(self.body))

    def decode(self, request: type[_T] | Body[_T], **given: object) -> _T:
        """The body as a request or command; raises `Rejected` where it is none.

        Args:
            given: the fields of a command that the body does not say.
        """
        return structured(request, self.value(), given)

    def value(self) -> object:
        """What stands in the body; raises `Rejected` where it is not JSON."""
        value = parsed(self.body)
        self.ignored.look_at_body(value)
        return value


def _object_in(body: bytes) -> object:
    """What stands in a body that nobody asked for; None where it is not JSON."""
    try:
        return parsed(body)
    except Rejected:
        return None


Handler = Callable[[Call], Awaitable[AnyResponse]]
Routes = Mapping[Operation, Handler]
