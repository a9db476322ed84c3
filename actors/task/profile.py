"""How a task's runs shall be executed: its execution profile, as it is stored.

Of it the claim is bound by the worker and the participants; the rest is kept for whoever runs the
work. Modes bind nothing here: an allowed agent is one whatever the worker's mode says. The rules
for values stand in `profile_rules`.
"""

from enum import Enum
from typing import final

from chargehand.actors.frozen import frozen


class CoordinatorMode(Enum):
    INHERIT = "inherit"
    GUIDED = "guided"


class WorkerMode(Enum):
    INHERIT = "inherit"
    SELECT = "select"


class SandboxMode(Enum):
    INHERIT = "inherit"
    NONE = "none"
    REF = "ref"


class RuntimeMode(Enum):
    DEFAULT = "default"
    EVIDENCE = "evidence"


@final
@frozen
class CoordinatorProfile:
    mode: CoordinatorMode
    agent_name: str | None = None
    provider: str | None = None
    model: str | None = None
    guidance: str | None = None


@final
@frozen
class WorkerProfile:
    """An empty list of allowed agents allows all."""

    mode: WorkerMode
    agent_name: str | None = None  # the only one that may claim
    provider: str | None = None
    model: str | None = None
    allowed_agent_names: tuple[str, ...] = ()
    preferred_agent_names: tuple[str, ...] = ()
    required_capabilities: tuple[str, ...] = ()
    preferred_capabilities: tuple[str, ...] = ()


@final
@frozen
class ReviewProfile:
    agent_name: str | None = None
    provider: str | None = None
    model: str | None = None
    allowed_agent_names: tuple[str, ...] = ()
    preferred_agent_names: tuple[str, ...] = ()
    allowed_channel_ids: tuple[str, ...] = ()
    preferred_channel_ids: tuple[str, ...] = ()
    allowed_peer_ids: tuple[str, ...] = ()
    preferred_peer_ids: tuple[str, ...] = ()
    required_capabilities: tuple[str, ...] = ()
    preferred_capabilities: tuple[str, ...] = ()


@final
@frozen
class ParticipantsProfile:
    """Whoever takes part, workers too."""

    allowed_agent_names: tuple[str, ...] = ()
    preferred_agent_names: tuple[str, ...] = ()
    allowed_channel_ids: tuple[str, ...] = ()
    preferred_channel_ids: tuple[str, ...] = ()
    allowed_peer_ids: tuple[str, ...] = ()
    preferred_peer_ids: tuple[str, ...] = ()
    required_capabilities: tuple[str, ...] = ()
    preferred_capabilities: tuple[str, ...] = ()


@final
@frozen
class SandboxProfile:
    mode: SandboxMode
    sandbox_ref: str | None = None  # set exactly in the mode `ref`


@final
@frozen
class RuntimeProfile:
    mode: RuntimeMode


@final
@frozen
class ExecutionProfile:
    """The whole profile; the default one says nothing. Its times are None until it is stored."""

    coordinator: CoordinatorProfile = CoordinatorProfile(CoordinatorMode.INHERIT)
    worker: WorkerProfile = WorkerProfile(WorkerMode.INHERIT)
    review: ReviewProfile = ReviewProfile()
    participants: ParticipantsProfile = ParticipantsProfile()
    sandbox: SandboxProfile = SandboxProfile(SandboxMode.INHERIT)
    runtime: RuntimeProfile = RuntimeProfile(RuntimeMode.DEFAULT)
    created_at_ns: int | None = None
    updated_at_ns: int | None = None

    @property
    def allowed_agents(self) -> frozenset[str] | None:
        """The agents that may claim: those that every part allows. None: any."""
        worker, participants = self.worker, self.participants
        names = (
            () if worker.agent_name is None else (worker.agent_name,),
            worker.allowed_agent_names,
            participants.allowed_agent_names,
        )
        allowing = [frozenset(part) for part in names if part]
        return frozenset.intersection(*allowing) if allowing else None

    @property
    def preferred_agents(self) -> frozenset[str]:
        worker, participants = self.worker, self.participants
        return frozenset((*worker.preferred_agent_names, *participants.preferred_agent_names))

    @property
    def required_capabilities(self) -> tuple[str, ...]:
        """What a claimer must have, besides what the run itself requires."""
        return (*self.worker.required_capabilities, *self.participants.required_capabilities)

    @property
    def preferred_capabilities(self) -> tuple[str, ...]:
        return (*self.worker.preferred_capabilities, *self.participants.preferred_capabilities)
