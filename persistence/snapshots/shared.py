"""Values that many states have in common: one object for all of them."""

from enum import Enum
from functools import lru_cache
from typing import Final, TypeVar

from chargehand.actors.identity import Actor, ActorKind, Origin, OriginKind
from chargehand.actors.task.state import (
    Json,
    Owner,
    OwnerKind,
)

E = TypeVar("E", bound=Enum)

ACTORS_CACHED: Final = 65_536  # distinct actors, origins and owners whose objects are shared


def by_value(enum: type[E]) -> dict[str, E]:
    return {str(member.value): member for member in enum}


@lru_cache(maxsize=ACTORS_CACHED)
def shared_actor(kind: str, ref: str) -> Actor:
    return Actor(ActorKind(kind), ref)


@lru_cache(maxsize=ACTORS_CACHED)
def shared_origin(kind: str, ref: str) -> Origin:
    return Origin(OriginKind(kind), ref)


@lru_cache(maxsize=ACTORS_CACHED)
def shared_owner(kind: str, ref: str) -> Owner:
    return Owner(OwnerKind(kind), ref)


def json(text: str | None) -> Json | None:
    return None if text is None else Json(text.encode())
