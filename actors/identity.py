"""Who did something, and by which way it came in."""

from functools import lru_cache
from typing import final

from attrs import field

from chargehand.actors.choice import Choice
from chargehand.actors.frozen import frozen
from chargehand.actors.idempotency.once import Once
from chargehand.actors.if_match import IfMatch


class ActorKind(Choice):
    HUMAN = "human"
    AGENT_SESSION = "agent_session"
    AUTOMATION = "automation"
    EXTENSION = "extension"
    NETWORK_PEER = "network_peer"
    DAEMON = "daemon"


class OriginKind(Choice):
    CLI = "cli"
    WEB = "web"
    UDS = "uds"
    HTTP = "http"
    AUTOMATION = "automation"
    EXTENSION = "extension"
    NETWORK = "network"
    AGENT_SESSION = "agent_session"
    DAEMON = "daemon"


@final
@frozen
class Actor:
    """The principal of an operation: `agent_session` with its session id, `human` with a name, …"""

    kind: ActorKind
    ref: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.ref}"


@final
@frozen
class Origin:
    """The way an operation came in: the transport, and the action as `tasks.create`."""

    kind: OriginKind
    ref: str


@final
@frozen
class Caller:
    """An actor on a way: what every command is sent with.

    Args:
        once: the key that it is sent under, which is no part of who the caller is.
        if_match: the states of its task in which it may change anything; no part of it either.
    """

    actor: Actor
    origin: Origin
    once: Once | None = field(default=None, eq=False, repr=False)
    if_match: IfMatch | None = field(default=None, eq=False, repr=False)

    @property
    def plain(self) -> "Caller":
        """Who it is and nothing else: what a record names, and what effects go on with."""
        if self.once is None and self.if_match is None:
            return self
        return Caller(self.actor, self.origin)

    def part(self, name: str) -> "Caller":
        """The caller of one part of a request that is done in parts."""
        if self.once is None:
            return self
        return Caller(self.actor, self.origin, self.once.part(name))

    @property
    def is_agent(self) -> bool:
        return self.actor.kind is ActorKind.AGENT_SESSION


@final
@frozen
class CallerKey:
    """An idempotency key: a caller's own, by whatever way and operation it is sent."""

    actor: Actor
    key: str


LOCAL_USER = Actor(ActorKind.HUMAN, "local-user")

SCHEDULER = Caller(
    Actor(ActorKind.DAEMON, "scheduler"), Origin(OriginKind.DAEMON, "daemon.scheduler")
)
BOOT_RECOVERY = Caller(
    Actor(ActorKind.DAEMON, "boot-recovery"), Origin(OriginKind.DAEMON, "daemon.boot")
)
REVIEW_DEADLINES = Caller(
    Actor(ActorKind.DAEMON, "review-deadlines"), Origin(OriginKind.DAEMON, "daemon.reviews")
)
SESSION_REGISTRY = Caller(
    Actor(ActorKind.DAEMON, "session-registry"), Origin(OriginKind.DAEMON, "daemon.sessions")
)
DELIVERIES = Caller(
    Actor(ActorKind.DAEMON, "deliveries"), Origin(OriginKind.DAEMON, "daemon.deliveries")
)

RETENTION = Caller(
    Actor(ActorKind.DAEMON, "retention"), Origin(OriginKind.DAEMON, "daemon.retention")
)


@lru_cache(maxsize=65_536)
def agent_actor(session_id: str) -> Actor:
    """The actor of a session; the same object each time, as many records name it."""
    return Actor(ActorKind.AGENT_SESSION, session_id)


@lru_cache(maxsize=1024)
def origin(kind: OriginKind, ref: str) -> Origin:
    """An origin; the same object each time."""
    return Origin(kind, ref)
