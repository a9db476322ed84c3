"""Payloads of what happened to one review."""

from chargehand.actors.task import events as e
from chargehand.web.payloads.members import Payload


def review_members(event: e.ReviewEvent) -> Payload:
    about: Payload = {"review_id": event.review_id, "run_id": event.run_id}
    match event:
        case e.ReviewRequested():
            return about | {
                "policy": event.policy,
                "review_round": event.review_round,
                "attempt": event.attempt,
                "created": True,
                "required": True if event.required else None,
            }
        case e.ReviewJudged(verdict=verdict):
            return about | {
                "outcome": verdict.outcome,
                "confidence": verdict.confidence,
                "delivery_id": verdict.delivery_id,
                "review_round": event.review_round,
                "continuation_run_id": event.continuation_run_id,
            }
        case e.ReviewCircuitOpened():
            return about | {"review_round": event.review_round, "reason": event.reason}
        case e.ReviewRetryEnqueued():
            return {
                "review_id": event.review_id,
                "run_id": event.parent_run_id,
                "continuation_run_id": event.run_id,
                "review_round": event.review_round,
            }
        case _:
            return {}
