"""The header `Idempotency-Key`: what makes a repeated request an equal one."""

import orjson

from chargehand.actors import limits
from chargehand.actors.errors import invalid
from chargehand.actors.idempotency.once import Once, digest_of
from chargehand.actors.identity import Actor
from chargehand.web.call import Call
from chargehand.web.headers import IDEMPOTENCY_HEADER

_CANONICAL_BYTES_MAX = 1024 * 1024  # a longer body is compared as it is; no valid one is so long


def once_of(call: Call, actor: Actor) -> Once | None:
    """The key that a call is sent under, if it is one that changes anything.

    Raises:
        Rejected: INVALID_REQUEST for a key that is too long.
    """
    key = call.headers.get(IDEMPOTENCY_HEADER)
    if key is None or not call.operation.is_write:
        return None
    key = key.strip()
    if not key:
        return None
    if len(key) > limits.ONCE_KEY_CHARS_MAX:
        raise invalid(
            IDEMPOTENCY_HEADER,
            f"{IDEMPOTENCY_HEADER} is longer than {limits.ONCE_KEY_CHARS_MAX} characters",
            "send a shorter key, such as a UUID",
        )
    ids = [call.ids[name].strip() for name in sorted(call.ids)]
    query = [part for name in sorted(call.query) for part in (name, call.query[name])]
    return Once(
        key=digest_of(actor.kind.value, actor.ref, key),
        request=digest_of(call.operation.name, *ids, "?", *query, _canonical(call.body)),
    )


def _canonical(body: bytes) -> bytes:
    """The body without blanks and the order of members; none is as good as `{}`."""
    if len(body) > _CANONICAL_BYTES_MAX:
        return body
    try:
        value = orjson.loads(body) if body.strip() else None
        return orjson.dumps({} if value is None else value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return body  # no JSON, or nested too deep: it will be refused
