"""What a request for a review and a verdict may hold. Raise `Rejected`, as `validation` does."""

import orjson

from chargehand.actors import limits
from chargehand.actors.errors import invalid, too_large
from chargehand.actors.frozen import replace
from chargehand.actors.task import validation as valid
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, Verdict


def requested_policy(value: ReviewPolicy | None) -> ReviewPolicy:
    if value is ReviewPolicy.NONE:
        raise invalid(
            "/policy",
            '/policy cannot be "none" where a review is asked for',
            "leave it out, or send on_success, on_failure or always",
        )
    return value or ReviewPolicy.ALWAYS


def review_round(value: int | None) -> int | None:
    """A round, or None for that of the run; 0 is none given."""
    return _number("/review_round", value) if value else None


def attempt(value: int | None) -> int:
    return _number("/attempt", value) if value else 1


def _number(pointer: str, value: int) -> int:
    if not 1 <= value <= limits.REVIEW_NUMBER_MAX:
        raise invalid(
            pointer,
            f"{pointer} must be 1 to {limits.REVIEW_NUMBER_MAX}",
            "count up from 1, or leave it out",
        )
    return value


def parent_review_id(value: str | None) -> str | None:
    if value is None:
        return None
    return valid.text("/parent_review_id", value, bytes_max=limits.REVIEW_REF_BYTES_MAX) or None


def checked_verdict(verdict: Verdict) -> Verdict:
    """The verdict as stored.

    Raises:
        Rejected: a text is missing or too long; an approval names missing work; a rejection says
            nothing of what to do next.
    """
    confidence = verdict.confidence
    if confidence is None or not 0 <= confidence <= 1:
        raise invalid("/verdict/confidence", "/verdict/confidence must be 0 to 1", "send a number")
    checked = replace(
        verdict,
        reason=valid.required_text(
            "/verdict/reason", verdict.reason, chars_max=limits.REASON_CHARS_MAX
        ),
        delivery_id=_delivery_id(verdict.delivery_id),
        missing_work=_missing_work(verdict.missing_work),
        next_round_guidance=_optional(
            "/verdict/next_round_guidance", verdict.next_round_guidance, limits.GUIDANCE_BYTES_MAX
        ),
        review_text=_optional(
            "/verdict/review_text", verdict.review_text, limits.REVIEW_TEXT_BYTES_MAX
        ),
    )
    if checked.outcome is ReviewOutcome.APPROVED and checked.missing_work:
        raise invalid(
            "/verdict/missing_work",
            "an approval leaves no work missing",
            "reject the run, or leave missing_work out",
        )
    if (
        checked.outcome is ReviewOutcome.REJECTED
        and not checked.missing_work
        and not checked.next_round_guidance
    ):
        raise invalid(
            "/verdict/missing_work",
            "a rejection says what is missing, or what to do next",
            "send missing_work or next_round_guidance",
        )
    return checked


def _delivery_id(value: str) -> str:
    value = valid.text("/verdict/delivery_id", value, bytes_max=limits.REVIEW_REF_BYTES_MAX)
    if not value:
        raise invalid(
            "/verdict/delivery_id",
            "/verdict/delivery_id is required",
            "send an id of your own for this verdict, so that it can be sent again",
        )
    return value


def _optional(pointer: str, value: str | None, bytes_max: int) -> str | None:
    return None if value is None else valid.text(pointer, value, bytes_max=bytes_max) or None


def _missing_work(items: tuple[str, ...]) -> tuple[str, ...]:
    if len(orjson.dumps(items)) > limits.MISSING_WORK_BYTES_MAX:
        raise too_large(
            "/verdict/missing_work",
            f"/verdict/missing_work is longer than {limits.MISSING_WORK_BYTES_MAX} bytes",
            limit=limits.MISSING_WORK_BYTES_MAX,
        )
    return tuple([_item(f"/verdict/missing_work/{n}", item) for n, item in enumerate(items)])


def _item(pointer: str, item: str) -> str:
    item = valid.text(pointer, item)
    if not item:
        raise invalid(pointer, f"{pointer} is blank", "say what is missing, or leave it out")
    return item
