"""What a request's fields may be. Each function gives the value as stored, or raises `Rejected`.

`pointer` is the JSON pointer of the field, so that the caller learns which one was wrong.
"""

import hashlib
import re
from collections.abc import Iterable

import orjson

from chargehand.actors import limits
from chargehand.actors.actions import Action
from chargehand.actors.errors import Code, Rejected, invalid, too_large
from chargehand.actors.ids import valid_task_id
from chargehand.actors.task.values import Json, Owner

_CHANNEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SUBSCRIPTION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:-]{0,127}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CAPABILITY_FORBIDDEN = re.compile("[ \t\r\n,\x00\ud800-\udfff]")


def text(
    pointer: str, value: str, *, chars_max: int | None = None, bytes_max: int | None = None
) -> str:
    """A trimmed text within its bounds, without NUL."""
    value = value.strip()
    if _UNSTORABLE.search(value):
        raise invalid(pointer, f"{pointer} holds a NUL or half a surrogate pair", "leave it out")
    if chars_max is not None and len(value) > chars_max:
        raise invalid(pointer, f"{pointer} is longer than {chars_max} characters", "shorten it")
    if bytes_max is not None and len(value.encode()) > bytes_max:
        raise invalid(pointer, f"{pointer} is longer than {bytes_max} bytes", "shorten it")
    return value


def required_text(pointer: str, value: str, *, chars_max: int) -> str:
    """A text that may not be blank."""
    value = text(pointer, value, chars_max=chars_max)
    if not value:
        raise invalid(pointer, f"{pointer} is required", "give it a text that is not blank")
    return value


def optional_text(pointer: str, value: str | None, *, chars_max: int) -> str | None:
    """A text, or None where it is absent or blank."""
    return None if value is None else text(pointer, value, chars_max=chars_max) or None


def title(value: str) -> str:
    return required_text("/title", value, chars_max=limits.TITLE_CHARS_MAX)


def description(value: str | None) -> str | None:
    if value is None:
        return None
    return text("/description", value, bytes_max=limits.DESCRIPTION_BYTES_MAX) or None


def identifier(value: str | None) -> str | None:
    return optional_text("/identifier", value, chars_max=limits.IDENTIFIER_CHARS_MAX)


def owner(value: Owner | None) -> Owner | None:
    if value is not None:
        required_text("/owner/ref", value.ref, chars_max=limits.OWNER_REF_CHARS_MAX)
    return value


def reason(value: str | None) -> str | None:
    return optional_text("/reason", value, chars_max=limits.REASON_CHARS_MAX)


def idempotency_key(value: str | None) -> str | None:
    return optional_text("/idempotency_key", value, chars_max=limits.KEY_CHARS_MAX)


def closing_reason(value: str | None) -> str | None:
    """A reason of what ends or gives back: never refused, so that the work does not go on, or is
    done again, for the sake of a text. What is too long is cut."""
    whole = _storable(value or "")
    if len(whole) <= limits.REASON_CHARS_MAX:
        return whole or None
    mark = f"… [cut from {len(whole)} characters]"
    return whole[: limits.REASON_CHARS_MAX - len(mark)] + mark


def claim_token_hash(value: str | None) -> str | None:
    """Which claim the caller means; None where absent or blank."""
    return optional_text("/claim_token_hash", value, chars_max=limits.CLAIM_TOKEN_HASH_CHARS_MAX)


def error_text(value: str) -> str:
    """What a run failed with: refused only where it is blank. What is too long is cut."""
    whole = _storable(value)
    if not whole:
        raise invalid("/error", "/error is required", "say what went wrong")
    size = len(whole.encode())
    if size <= limits.ERROR_BYTES_MAX:
        return whole
    mark = f"… [cut from {size} bytes]"
    return _cut(whole, limits.ERROR_BYTES_MAX - len(mark.encode())) + mark


def _storable(value: str) -> str:
    """Trimmed; what cannot be stored is replaced."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value.strip())


def _cut(value: str, bytes_max: int) -> str:
    """As many whole characters from the start as fit."""
    return value.encode()[:bytes_max].decode(errors="ignore")


def channel(value: str | None) -> str | None:
    """A channel's name; None where absent or blank."""
    value = None if value is None else value.strip()
    if not value:
        return None
    if not _CHANNEL.fullmatch(value):
        raise invalid(
            "/network_channel",
            "a channel is 1 to 64 of a-z, 0-9, _ and -, and starts with a letter or digit",
        )
    return value


def task_id(value: str | None) -> str | None:
    """A caller's own id, or None for one to be made."""
    value = None if value is None else value.strip()
    if not value:
        return None
    if not valid_task_id(value):
        raise invalid(
            "/id",
            "an id is 1 to 128 of A-Z, a-z, 0-9, . _ : and -, and starts with a letter or digit",
            "choose such an id, or leave it out to have one made",
        )
    return value


def subscription_id(value: str | None) -> str | None:
    """A caller's own id of a subscription, or None for one to be made.

    It goes into the ids of messages, whose signature sets parts off by full stops.
    """
    value = None if value is None else value.strip()
    if not value:
        return None
    if not _SUBSCRIPTION_ID.fullmatch(value):
        raise invalid(
            "/subscription_id",
            "a subscription's id is 1 to 128 of A-Z, a-z, 0-9, _ : and -,"
            " and starts with a letter or digit",
            "choose such an id, or leave it out to have one made",
        )
    return value


def bridge_target(pointer: str, value: str | None) -> str | None:
    """A peer, thread or group; None where absent or blank."""
    if value is None:
        return None
    return text(pointer, value, bytes_max=limits.BRIDGE_TARGET_BYTES_MAX) or None


def delivery_error(value: str) -> str:
    """Never refused: what cannot be stored is replaced, what is too long cut."""
    return _cut(_storable(value) or "failed", limits.DELIVERY_ERROR_BYTES_MAX)


def max_attempts(value: int | None) -> int:
    if value is None:
        return limits.ATTEMPTS_DEFAULT
    if not 1 <= value <= limits.ATTEMPTS_MAX:
        raise invalid("/max_attempts", f"/max_attempts must be 1 to {limits.ATTEMPTS_MAX}")
    return value


def lease_seconds(value: int | None) -> int:
    """The length of a lease; absent or 0 is the default."""
    if not value:
        return limits.LEASE_S_DEFAULT
    if not 0 < value <= limits.LEASE_S_MAX:
        raise invalid(
            "/lease_seconds",
            f"/lease_seconds must be 1 to {limits.LEASE_S_MAX}, or 0 for {limits.LEASE_S_DEFAULT}",
            "send a length in that range, or leave it out",
        )
    return value


def renewed_lease_seconds(value: int | None) -> int | None:
    """The length that a heartbeat asks for; absent or 0 is None: as long as the claim's."""
    return lease_seconds(value) if value else None


def capabilities(pointer: str, values: Iterable[str]) -> tuple[str, ...]:
    """Trimmed, without repeats, sorted."""
    found: set[str] = set()
    for index, value in enumerate(values):
        found.add(capability(f"{pointer}/{index}", value))
    if len(found) > limits.CAPABILITIES_MAX:
        raise invalid(pointer, f"no more than {limits.CAPABILITIES_MAX} capabilities")
    return tuple(sorted(found))


def capability(pointer: str, value: str) -> str:
    """A trimmed one."""
    name = value.strip()
    if (
        not name
        or _CAPABILITY_FORBIDDEN.search(name)  # first: a lone surrogate has no bytes
        or len(name.encode()) > limits.CAPABILITY_BYTES_MAX
    ):
        raise invalid(
            pointer,
            f"a capability is 1 to {limits.CAPABILITY_BYTES_MAX} bytes without blanks and commas",
        )
    return name


def required_capabilities(values: Iterable[str]) -> tuple[str, ...]:
    return capabilities("/required_capabilities", values)


def preferred_capabilities(values: Iterable[str]) -> tuple[str, ...]:
    return capabilities("/preferred_capabilities", values)


def metadata(value: Json | None) -> Json | None:
    return _json("/metadata", value, limits.METADATA_BYTES_MAX)


def closing_metadata(value: Json | None) -> Json | None:
    return _json("/metadata", value, limits.CLOSING_METADATA_BYTES_MAX)


def result(value: Json | None) -> Json | None:
    return _json("/result", value, limits.RESULT_BYTES_MAX)


def _json(pointer: str, value: Json | None, bytes_max: int) -> Json | None:
    if value is None:
        return None
    if len(value) > bytes_max:
        raise too_large(
            pointer,
            f"{pointer} is {len(value)} bytes long, more than {bytes_max}",
            bytes=len(value),
            limit=bytes_max,
        )
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise invalid(pointer, f"{pointer} is not JSON: {error}") from None
    return value


def refuse_claim_token(pointer: str, value: Json | None) -> None:
    """Refuse JSON with a key `claim_token` at any depth: tokens never travel in payloads."""
    if value is None:
        return
    lowered = value.lower()
    if b"claim_token" not in lowered and lowered.isascii() and b"\\" not in lowered:
        return  # no such key, not even one spelled with escapes or letters that fold to ASCII
    pending = [orjson.loads(value)]
    while pending:
        match pending.pop():
            case dict() as members:
                if any(name.strip().lower() == "claim_token" for name in members):
                    raise invalid(
                        pointer,
                        f"{pointer} holds a key claim_token",
                        "leave it out: the server knows the lease by your session",
                    )
                pending.extend(members.values())
            case list() as items:
                pending.extend(items)
            case _:
                pass


def digest(*parts: str | Json | None) -> str:
    """A short digest of a request's body, to tell a repeat from a contradiction.

    The order of members is no part of it: a client may write its body anew for each attempt.
    """
    hashed = hashlib.blake2b(digest_size=12)
    for part in parts:
        if part is None:
            raw = b"-"
        elif isinstance(part, str):
            raw = b"+" + part.encode()
        else:
            raw = b"+" + orjson.dumps(orjson.loads(part), option=orjson.OPT_SORT_KEYS)
        hashed.update(len(raw).to_bytes(8, "big") + raw)
    return hashed.hexdigest()


def reason_required(action: Action | None) -> Rejected:
    """The refusal of a force operation that comes without a reason."""
    return Rejected(
        Code.FORCE_OP_REQUIRES_REASON,
        "this operation needs a reason that is not blank",
        "send a reason",
        action=action,
        pointer="/reason",
        area="task.force",
    )
