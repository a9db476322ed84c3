"""The JSON of a message: the delivery event of the AGH bridges, without what is secret."""

from typing import Final

import orjson

from chargehand.actors.bridges.message import Message, ReviewPart
from chargehand.actors.limits import JSON_DEPTH_MAX
from chargehand.actors.task.review import ReviewOutcome
from chargehand.actors.task.subscription import Subscription
from chargehand.web.payloads import payload_of
from chargehand.web.redaction import REDACTED, redact

_LEVELS_MAX: Final = JSON_DEPTH_MAX + 8  # what clients send, in what we put around it
_TEXT_CHARS_MAX: Final = 500  # of the line for people; the error stands whole in the metadata
# A key that holds one of these, whatever its case and separators, has a secret for a value.
_SECRET_NAMES: Final = (
    "claimtoken",
    "apikey",
    "accesstoken",
    "refreshtoken",
    "mcpauthtoken",
    "oauthcode",
    "authorizationcode",
    "codeverifier",
    "pkceverifier",
    "secretbinding",
    "authorization",
    "password",
    "secret",
    "token",
)
_OUTCOMES: Final = {
    ReviewOutcome.APPROVED: "approved it",
    ReviewOutcome.REJECTED: "rejected it",
    ReviewOutcome.BLOCKED: "was blocked",
    ReviewOutcome.ERROR: "failed",
    ReviewOutcome.TIMEOUT: "timed out",
    ReviewOutcome.INVALID_OUTPUT: "gave no usable verdict",
}
_SEPARATORS: Final = str.maketrans("", "", "_-.")


def body_of(message: Message) -> bytes:
    """The body of the request; the same for each attempt."""
    target = _target(message.subscription)
    return orjson.dumps(
        {
            "delivery_id": message.delivery_id,
            "bridge_instance_id": message.subscription.bridge_id,
            "routing_key": {
                "scope": message.scope,
                **_given(workspace_id=message.workspace_id),
                **target,
            },
            "delivery_target": {**target, "mode": message.subscription.target.mode},
            "seq": message.seq,
            "event_type": "final",
            "content": {"text": _text(message)},
            "final": True,
            "operation": "post",
            "provider_metadata": {
                "delivery_id": message.delivery_id,
                "event_type": message.event_type,
                "final": True,
                "seq": message.seq,
                "task_id": message.task_id,
                **_given(run_id=message.run_id),
                "status": message.status,
                **_given(error=None if message.error is None else redact(message.error)),
                **_payload(message),
                **_review(message.review),
                "subscription_id": message.subscription.id,
            },
        }
    )


def _target(subscription: Subscription) -> dict[str, str]:
    target = subscription.target
    return {
        "bridge_instance_id": subscription.bridge_id,
        **_given(peer_id=target.peer_id, thread_id=target.thread_id, group_id=target.group_id),
    }


def _given(**members: str | None) -> dict[str, str]:
    """The members that are there."""
    return {name: value for name, value in members.items() if value is not None}


def _text(message: Message) -> str:
    """One line for people."""
    line = f"Task {message.task_id} {message.status.value}"
    if message.error is not None:
        line = f"{line}: {_in_one_line(message.error)}"
    if message.review is not None:
        line = f"{line}; {_review_text(message.review)}"
    if len(line) > _TEXT_CHARS_MAX:
        line = f"{line[: _TEXT_CHARS_MAX - 1]}\N{HORIZONTAL ELLIPSIS}"
    return line


def _review_text(review: ReviewPart) -> str:
    if review.is_open:
        return "its review is open"
    if review.outcome is None:
        return "its review was canceled"
    line = f"its review {_OUTCOMES[review.outcome]}"
    if review.circuit_opened:
        line = f"{line}, and no run follows"
    return line if review.reason is None else f"{line}: {_in_one_line(review.reason)}"


def _in_one_line(text: str) -> str:
    return " ".join(redact(text).split())


def _review(review: ReviewPart | None) -> dict[str, object]:
    if review is None:
        return {}
    outcome = "canceled" if review.outcome is None else review.outcome.value
    members: dict[str, object] = {
        "review_id": review.id,
        "open": review.is_open,
        **_given(
            outcome=None if review.is_open else outcome,
            reason=None if review.reason is None else redact(review.reason),
            continuation_run_id=review.continuation_run_id,
        ),
    }
    if review.circuit_opened:
        members["circuit_opened"] = True
    return {"review": members}


def _payload(message: Message) -> dict[str, object]:
    payload = payload_of(message.event)
    return {"payload": redacted(orjson.loads(orjson.dumps(payload)))} if payload else {}


def redacted(value: object, levels: int = _LEVELS_MAX) -> object:
    """JSON without the values of keys that name a secret, and without secrets in texts.

    Args:
        levels: what is nested deeper is left out: no client sends it, and no receiver expects it.
    """
    match value:
        case dict() | list() if not levels:
            return REDACTED
        case dict():
            return {
                name: REDACTED if _names_a_secret(name) else redacted(member, levels - 1)
                for name, member in value.items()
            }
        case list():
            return [redacted(item, levels - 1) for item in value]
        case str():
            return redact(value)
        case _:
            return value


def _names_a_secret(name: str) -> bool:
    plain = name.lower().translate(_SEPARATORS)
    return any(secret in plain for secret in _SECRET_NAMES)
