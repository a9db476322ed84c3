"""Whether the server takes work, and what of it is set aside."""

from enum import Enum
from typing import final

from attrs import define

from actors.faults import Fault, Faults, Why
from actors.limits import FAULTS_SHOWN_MAX
from web.shapes.encoding import Shape, rfc3339


class ReadyStatus(Enum):
    READY = "ready"


@final
@define(eq=False)
class SetAside(Shape):
    address: str
    why: Why
    cause: str
    since: str


@final
@define(eq=False)
class ReadinessResponse(Shape):
    status: ReadyStatus
    set_aside: list[SetAside] | None = None
    set_aside_count: int | None = None
    crash_count: int | None = None


def readiness_of(faults: Faults) -> ReadinessResponse:
    """Without a fault nothing but the status."""
    first = [_shown(fault) for fault, _ in zip(faults, range(FAULTS_SHOWN_MAX), strict=False)]
    return ReadinessResponse(
        ReadyStatus.READY, first or None, len(faults) or None, faults.crash_count or None
    )


def _shown(fault: Fault) -> SetAside:
    return SetAside(fault.address, fault.why, fault.cause, rfc3339(fault.at_ns))
