"""Who did something, by which way, and who owns it."""

from functools import lru_cache
from typing import final

from attrs import define

from chargehand.actors import identity
from chargehand.actors.identity import ActorKind, OriginKind
from chargehand.actors.task import state
from chargehand.actors.task.state import OwnerKind
from chargehand.web.shapes.encoding import Shape


@final
@define(eq=False)
class Actor(Shape):
    kind: ActorKind
    ref: str


@final
@define(eq=False)
class Origin(Shape):
    kind: OriginKind
    ref: str


@final
@define(eq=False)
class Owner(Shape):
    kind: OwnerKind
    ref: str


@lru_cache(maxsize=4096)
def actor_of(actor: identity.Actor) -> Actor:
    return Actor(actor.kind, actor.ref)


@lru_cache(maxsize=1024)
def origin_of(origin: identity.Origin) -> Origin:
    return Origin(origin.kind, origin.ref)


def owner_of(owner: state.Owner | None) -> Owner | None:
    return None if owner is None else Owner(owner.kind, owner.ref)
