"""Body of the execution profile. Sections without a mode are decoded as the core has them."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task.profile import (
    CoordinatorMode,
    ParticipantsProfile,
    ReviewProfile,
    RuntimeMode,
    SandboxMode,
    WorkerMode,
)
from chargehand.web.bodies import BLANK_IS_ABSENT


@final
@frozen
class CoordinatorRequest:
    mode: CoordinatorMode = field(default=CoordinatorMode.INHERIT, metadata=BLANK_IS_ABSENT)
    agent_name: str | None = None
    provider: str | None = None
    model: str | None = None
    guidance: str | None = None


@final
@frozen
class WorkerRequest:
    mode: WorkerMode = field(default=WorkerMode.INHERIT, metadata=BLANK_IS_ABSENT)
    agent_name: str | None = None
    provider: str | None = None
    model: str | None = None
    allowed_agent_names: tuple[str, ...] = ()
    preferred_agent_names: tuple[str, ...] = ()
    required_capabilities: tuple[str, ...] = ()
    preferred_capabilities: tuple[str, ...] = ()


@final
@frozen
class SandboxRequest:
    mode: SandboxMode = field(default=SandboxMode.INHERIT, metadata=BLANK_IS_ABSENT)
    sandbox_ref: str | None = None


@final
@frozen
class RuntimeRequest:
    mode: RuntimeMode = field(default=RuntimeMode.DEFAULT, metadata=BLANK_IS_ABSENT)


@final
@frozen
class ExecutionProfileRequest:
    """The times are the server's own: those sent must be times, and count for nothing."""

    coordinator: CoordinatorRequest = field(factory=CoordinatorRequest)
    worker: WorkerRequest = field(factory=WorkerRequest)
    review: ReviewProfile = field(factory=ReviewProfile)
    participants: ParticipantsProfile = field(factory=ParticipantsProfile)
    sandbox: SandboxRequest = field(factory=SandboxRequest)
    runtime: RuntimeRequest = field(factory=RuntimeRequest)
    task_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
