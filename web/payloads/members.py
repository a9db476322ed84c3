"""What a payload is made of."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import orjson

from chargehand.actors.identity import Actor
from chargehand.actors.task.state import Owner

Member = (
    str
    | int
    | float
    | bool
    | Enum
    | orjson.Fragment
    | Mapping[str, object]
    | tuple[str, ...]
    | None
)
Payload = dict[str, Member]

_HASH_PREFIX: Final = "sha256:"
_HASH_DIGITS_SHOWN: Final = 8


def manually(by: Actor) -> Payload:
    return {"manual": True, "actor_kind": by.kind, "actor_id": by.ref}


def truncated_hash(claim_token_hash: str | None) -> str | None:
    """The beginning of a claim's hash, enough to tell two claims apart."""
    if claim_token_hash is None:
        return None
    return claim_token_hash.removeprefix(_HASH_PREFIX)[:_HASH_DIGITS_SHOWN]


def actor_members(actor: Actor) -> Mapping[str, object]:
    return {"kind": actor.kind, "ref": actor.ref}


def owner_members(owner: Owner | None) -> Mapping[str, object] | None:
    return None if owner is None else {"kind": owner.kind, "ref": owner.ref}
