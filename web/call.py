"""One request as its handler sees it, free of any framework: each lane makes it its own way."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar, final

from attrs import define

from actors.identity import OriginKind
from actors.system import System
from web.decoding import decode
from web.operations import Operation
from web.queries import Query
from web.replies import AnyReply

_T = TypeVar("_T")


class RequestHeaders(Protocol):
    """Headers by name, whatever its case."""

    def get(self, name: str, /) -> str | None:
        """The first value, or None."""


@final
@define(eq=False)
class Call:
    """A request on its way to the core.

    Args:
        transport: what the origin of its deeds says: `http` or `uds`.
        ids: the parameters of the path.
        body: whole, and no longer than the listener allows.
        is_head: only the headers of the answer are wanted.
    """

    system: System
    operation: Operation
    transport: OriginKind
    path: str
    ids: Mapping[str, str]
    query: Query
    headers: RequestHeaders
    body: bytes
    is_head: bool = False

    def decode(self, cls: type[_T]) -> _T:
        """The body as a request of class `cls`; raises `Rejected` where it is none."""
        return decode(cls, self.body)


Handler = Callable[[Call], Awaitable[AnyReply]]
Routes = Mapping[Operation, Handler]
