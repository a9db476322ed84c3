"""Which requests go straight to the handler of their operation."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, final

from chargehand.web.call import Handler
from chargehand.web.operations import Operation
from chargehand.web.routes import ROUTES

SHORTCUTS: Final = (
    Operation.CLAIM_NEXT,
    Operation.AGENT_HEARTBEAT,
    Operation.AGENT_COMPLETE,
    Operation.AGENT_FAIL,
    Operation.AGENT_RELEASE,
    Operation.CLAIM_BATCH,
    Operation.HEARTBEAT_BATCH,
    Operation.COMPLETE_BATCH,
    Operation.FAIL_BATCH,
    Operation.RELEASE_BATCH,
    Operation.CREATE_TASK,
    Operation.CREATE_BATCH,
    Operation.START_TASK,
    Operation.ENQUEUE_RUN,
)
"""What agents ask for all the time, and who hands work in. Another operation is a line here, if its
path has at most one parameter, the last part but one."""

_NO_IDS: Final[Mapping[str, str]] = MappingProxyType({})
_PLAIN_ID: Final = re.compile(rb"[\w.:-]+", re.ASCII)
_PARAMETER: Final = re.compile(r"(?P<before>/.+)/\{(?P<name>\w+)\}/(?P<last>[^/{}]+)")
_WHOLE: Final = re.compile(r"[^{}]+")

Found = tuple[Operation, Handler, Mapping[str, str]]


@final
class Shortcuts:
    """Finds the operation and the ids of a target that is plainly written: no query, nothing
    encoded, no slash at its end. What another one means is for the application to say.
    """

    def __init__(self, operations: Iterable[Operation] = SHORTCUTS) -> None:
        self._whole: dict[tuple[str, bytes], Found] = {}
        self._with_id: dict[tuple[str, bytes, bytes], tuple[Operation, Handler, str]] = {}
        for operation in operations:
            handler = ROUTES[operation]
            if _WHOLE.fullmatch(operation.path):
                found = (operation, handler, _NO_IDS)
                self._whole[operation.method, operation.path.encode()] = found
            elif parts := _PARAMETER.fullmatch(operation.path):
                key = (operation.method, parts["before"].encode(), parts["last"].encode())
                self._with_id[key] = (operation, handler, parts["name"])
            else:
                raise ValueError(f"the path of {operation.name} has its parameters elsewhere")

    def find(self, method: str, target: bytes) -> Found | None:
        """The operation, its handler and the ids of the path; None: it is none of them."""
        found = self._whole.get((method, target))
        if found is not None:
            return found
        place, _, last = target.rpartition(b"/")
        before, _, written = place.rpartition(b"/")
        known = self._with_id.get((method, before, last))
        if known is None or not _PLAIN_ID.fullmatch(written):
            return None
        operation, handler, name = known
        return operation, handler, {name: written.decode("ascii")}
