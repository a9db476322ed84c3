"""Who may have a run: what it demands, who asks, and the rules between both.

The scheduler picks by them, and the task holds the pick against them once more.
"""

from collections.abc import Callable
from typing import Final, final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import Owner, OwnerKind, Run, RunStatus, TaskState, TaskStatus

Place = tuple[int, int, str]
"""Of a run among its like, smallest first: weight negated, order in the queue, run id."""

AGENT_OWNERS: Final = (OwnerKind.POOL, OwnerKind.AGENT_SESSION)
_NONE: frozenset[str] = frozenset()


@final
@frozen
class ClaimableRun:
    """What a claimer must match, and the rank. Runs with equal demands should share their sets."""

    run_id: str
    task_id: str
    workspace_id: str | None  # None: a global task
    channel: str | None  # the run's coordination channel, None for global ones
    owner: Owner | None
    required_capabilities: frozenset[str]
    preferred_capabilities: frozenset[str]  # preferred agents too, as `agent_selector`
    allowed_agents: frozenset[str] | None  # None: any agent
    weight: int  # 10, 20, 30 or 40
    queue_order: int  # smaller: queued earlier
    place: Place = field(init=False, eq=False, repr=False)

    @place.default
    def _place(self) -> Place:
        return (-self.weight, self.queue_order, self.run_id)


@final
@frozen
class Claimer:
    """Who asks for work, and what for."""

    session_id: str
    agent_name: str
    workspace_id: str | None  # None: claims global tasks, and only those
    channel: str | None  # None: sees every run of its scope
    capabilities: frozenset[str]
    priority_min: int  # the smallest weight wanted
    selectors: frozenset[str] = field(init=False, eq=False, repr=False)

    @selectors.default
    def _selectors(self) -> frozenset[str]:
        """What preferences are compared with: the capabilities, and who it is."""
        return self.capabilities | {agent_selector(self.agent_name)}


def agent_selector(agent_name: str) -> str:
    """An agent among the capabilities that a run prefers. It is no capability: those hold no
    blanks, so nobody can claim to have it."""
    return f"agent {agent_name}"


def scope_fits(run: ClaimableRun, claimer: Claimer) -> bool:
    """The same workspace, or both global: a session of a workspace never claims a global task."""
    return run.workspace_id == claimer.workspace_id


def channel_fits(run: ClaimableRun, claimer: Claimer) -> bool:
    """A session with a channel claims only that channel's runs."""
    return claimer.channel is None or run.channel == claimer.channel


def priority_suffices(run: ClaimableRun, claimer: Claimer) -> bool:
    return run.weight >= claimer.priority_min


def capabilities_suffice(run: ClaimableRun, claimer: Claimer) -> bool:
    return run.required_capabilities <= claimer.capabilities


def agent_is_allowed(run: ClaimableRun, claimer: Claimer) -> bool:
    return run.allowed_agents is None or claimer.agent_name in run.allowed_agents


def owner_admits(run: ClaimableRun, claimer: Claimer) -> bool:
    """Nobody's run, the pool's of this agent, or this session's own."""
    if run.owner is None:
        return True
    match run.owner.kind:
        case OwnerKind.POOL:
            return run.owner.ref == claimer.agent_name
        case OwnerKind.AGENT_SESSION:
            return run.owner.ref == claimer.session_id
        case OwnerKind.HUMAN | OwnerKind.AUTOMATION | OwnerKind.EXTENSION | OwnerKind.NETWORK_PEER:
            return False


ELIGIBILITY: tuple[Callable[[ClaimableRun, Claimer], bool], ...] = (
    scope_fits,
    channel_fits,
    priority_suffices,
    capabilities_suffice,
    agent_is_allowed,
    owner_admits,
)


def matches(run: ClaimableRun, claimer: Claimer) -> bool:
    """Whether the claimer may have the run: every rule of `ELIGIBILITY` holds."""
    return all(rule(run, claimer) for rule in ELIGIBILITY)


def awaits_agent(state: TaskState, run: Run) -> bool:
    """Whether nothing but a pause holds the run back from an agent that matches."""
    return (
        run.status is RunStatus.QUEUED
        and state.status is TaskStatus.READY
        and (state.owner is None or state.owner.kind in AGENT_OWNERS)
    )


def claimable_run(state: TaskState, run: Run) -> ClaimableRun:
    """What a claimer of this run must match, and its rank."""
    required, preferred = run.required_capabilities, run.preferred_capabilities
    profile = state.profile
    allowed_agents = None
    if profile is not None:
        required = (*required, *profile.required_capabilities)
        as_selectors = map(agent_selector, profile.preferred_agents)
        preferred = (*preferred, *profile.preferred_capabilities, *as_selectors)
        allowed_agents = profile.allowed_agents
    return ClaimableRun(
        run_id=run.id,
        task_id=state.id,
        workspace_id=state.workspace_id,
        channel=run.coordination_channel_id,
        owner=state.owner,
        required_capabilities=frozenset(required) if required else _NONE,
        preferred_capabilities=frozenset(preferred) if preferred else _NONE,
        allowed_agents=allowed_agents,
        weight=state.priority.weight,
        queue_order=run.queue_order,
    )
