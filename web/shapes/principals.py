"""Who did something, and by which way."""

from functools import lru_cache
from typing import final

from attrs import define

from chargehand.actors import identity
from chargehand.actors.identity import ActorKind, OriginKind
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


@lru_cache(maxsize=4096)
def actor_of(actor: identity.Actor) -> Actor:
    return Actor(actor.kind, actor.ref)


@lru_cache(maxsize=1024)
def origin_of(origin: identity.Origin) -> Origin:
    return Origin(origin.kind, origin.ref)
