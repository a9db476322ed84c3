"""Who may have a run: what it demands, who asks, and the rules between both.

The scheduler picks by them, and the task holds the pick against them once more.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import Owner, OwnerKind, Run, RunStatus, TaskState, TaskStatus

AGENT_OWNERS: Final = (OwnerKind.POOL, OwnerKind.AGENT_SESSION)
_NONE: frozenset[str] = frozenset()


@final
@frozen
class Demands:
    """What a claimer must match. Runs that demand the same share one, as a rule (see `demands`)."""

    workspace_id: str | None  # None: a global task
    channel: str | None  # the run's coordination channel, None for global ones
    owner: Owner | None
    required_capabilities: frozenset[str]
    preferred_capabilities: frozenset[str]  # preferred agents too, as `agent_selector`
    allowed_agents: frozenset[str] | None  # None: any agent

    def __lt__(self, other: "Demands") -> bool:
        """They have no order. Only a run of before and after its demands changed is compared as far
        as this."""
        return False


Place = tuple[int, int, str]
"""Where a run stands in the queue: the first three fields of a `QueuedRun`."""


@final
class QueuedRun(NamedTuple):
    """A run in the queue, in the order of priority, age and id. Whoever lists queued runs holds the
    same object, and a tuple is compared quickly."""

    weight: int  # of its priority, negated: -10, -20, -30 or -40
    queue_order: int  # smaller: queued earlier
    run_id: str
    task_id: str
    since_ns: int  # when it was queued, by the wall
    demands: Demands

    def __hash__(self) -> int:
        return hash(self.run_id)


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


def scope_fits(run: QueuedRun, claimer: Claimer) -> bool:
    """The same workspace, or both global: a session of a workspace never claims a global task."""
    return run.demands.workspace_id == claimer.workspace_id


def channel_fits(run: QueuedRun, claimer: Claimer) -> bool:
    """A session with a channel claims only that channel's runs."""
    return claimer.channel is None or run.demands.channel == claimer.channel


def priority_suffices(run: QueuedRun, claimer: Claimer) -> bool:
    return -run.weight >= claimer.priority_min


def capabilities_suffice(run: QueuedRun, claimer: Claimer) -> bool:
    return run.demands.required_capabilities <= claimer.capabilities


def agent_is_allowed(run: QueuedRun, claimer: Claimer) -> bool:
    allowed = run.demands.allowed_agents
    return allowed is None or claimer.agent_name in allowed


def owner_admits(run: QueuedRun, claimer: Claimer) -> bool:
    """Nobody's run, the pool's of this agent, or this session's own."""
    owner = run.demands.owner
    if owner is None:
        return True
    match owner.kind:
        case OwnerKind.POOL:
            return owner.ref == claimer.agent_name
        case OwnerKind.AGENT_SESSION:
            return owner.ref == claimer.session_id
        case OwnerKind.HUMAN | OwnerKind.AUTOMATION | OwnerKind.EXTENSION | OwnerKind.NETWORK_PEER:
            return False


ELIGIBILITY: tuple[Callable[[QueuedRun, Claimer], bool], ...] = (
    scope_fits,
    channel_fits,
    priority_suffices,
    capabilities_suffice,
    agent_is_allowed,
    owner_admits,
)


def matches(run: QueuedRun, claimer: Claimer) -> bool:
    """Whether the claimer may have the run: every rule of `ELIGIBILITY` holds."""
    for rule in ELIGIBILITY:  # noqa: SIM110 - with each claim, and twice as fast as `all`
        if not rule(run, claimer):
            return False
    return True


def awaits_agent(state: TaskState, run: Run) -> bool:
    """Whether nothing but a pause holds the run back from an agent that matches."""
    return (
        run.status is RunStatus.QUEUED
        and state.status is TaskStatus.READY
        and (state.owner is None or state.owner.kind in AGENT_OWNERS)
    )


def queued_run(state: TaskState, run: Run) -> QueuedRun:
    """What stands for a task's open run in the queue."""
    required, preferred = run.required_capabilities, run.preferred_capabilities
    profile = state.profile
    allowed_agents = None
    if profile is not None:
        required = (*required, *profile.required_capabilities)
        as_selectors = map(agent_selector, profile.preferred_agents)
        preferred = (*preferred, *profile.preferred_capabilities, *as_selectors)
        allowed_agents = profile.allowed_agents
    channel = run.coordination_channel_id
    return QueuedRun(
        -state.priority.weight,
        run.queue_order,
        run.id,
        state.id,
        run.queued_at_ns,
        demands(state.workspace_id, channel, state.owner, required, preferred, allowed_agents),
    )


def queued_run_of(state: TaskState | None) -> QueuedRun | None:
    """The same, if the task's run is queued."""
    run = None if state is None else state.open_run
    if state is None or run is None or run.status is not RunStatus.QUEUED:
        return None
    return queued_run(state, run)


@lru_cache(maxsize=4096)
def demands(
    workspace_id: str | None,
    channel: str | None,
    owner: Owner | None,
    required_capabilities: tuple[str, ...],
    preferred_capabilities: tuple[str, ...],
    allowed_agents: frozenset[str] | None,
) -> Demands:
    """Kept, as many runs demand the same: so what they demand costs each a look-up, and no
    memory."""
    return Demands(
        workspace_id,
        channel,
        owner,
        frozenset(required_capabilities) if required_capabilities else _NONE,
        frozenset(preferred_capabilities) if preferred_capabilities else _NONE,
        allowed_agents,
    )
