"""Reviews: asked for, looked at, and judged."""

from collections.abc import Iterable

from chargehand.actors.task import commands as c
from chargehand.actors.task.review import Review, ReviewStatus, Verdict
from chargehand.web import queries
from chargehand.web.addresses import review_id_of, run_id_of, task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import Standing, latest_changed_first, next_link
from chargehand.web.preconditions import etag
from chargehand.web.requests.reviews import ReviewRequest, VerdictRequest
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.reviews import (
    ReviewRequestedResponse,
    ReviewResponse,
    ReviewsResponse,
    review_of,
    verdict_response_of,
)
from chargehand.web.times import time_ns


async def request(call: Call) -> HttpResponse:
    caller, body = identify(call), call.decode(ReviewRequest)
    command = c.RequestReview(
        run_id=run_id_of(call),
        policy=body.policy,
        round=body.review_round,
        attempt=body.attempt,
        deadline_at_ns=time_ns("/deadline_at", body.deadline_at),
        parent_review_id=body.parent_review_id,
        reason=body.reason,
        task_id=body.task_id or None,
        named_run_id=body.run_id or None,
    )
    answer = await call.system.ask_run(command, caller)
    created = not answer.replayed
    review = review_of(answer.task.id, answer.the_review)
    shape = ReviewRequestedResponse(review, created)
    return shown(201 if created else 200, shape, etag(answer.task))


async def get(call: Call) -> HttpResponse:
    identify(call)
    answer = await call.system.review(review_id_of(call))
    shape = ReviewResponse(review_of(answer.task.id, answer.the_review))
    return shown(200, shape, etag(answer.task))


async def list_of_task(call: Call) -> HttpResponse:
    identify(call)
    task = await call.system.task(task_id_of(call))
    return _list(call, task.id, task.reviews)


async def list_of_run(call: Call) -> HttpResponse:
    identify(call)
    answer = await call.system.run(run_id_of(call))
    run_id = answer.the_run.id
    return _list(
        call, answer.task.id, [review for review in answer.task.reviews if review.run_id == run_id]
    )


def _list(call: Call, task_id: str, reviews: Iterable[Review]) -> HttpResponse:
    query = call.query
    status = queries.choice(query, "status", ReviewStatus)
    session_id = queries.text(query, "reviewer_session_id")

    def wanted(review: Review) -> bool:
        return (status is None or review.status is status) and (
            session_id is None or review.reviewer_session_id == session_id
        )

    page, more = latest_changed_first(reviews, wanted, _standing, query)
    rows = [review_of(task_id, review) for review in page]
    return shown(200, ReviewsResponse(rows), next_link(call.path, query, more))


def _standing(review: Review) -> Standing:
    return Standing(review.requested_at_ns, review.updated_at_ns, review.id, review.is_open)


async def judge(call: Call) -> HttpResponse:
    caller, body = identify(call), call.decode(VerdictRequest)
    said = body.verdict
    verdict = Verdict(
        outcome=said.outcome,
        confidence=said.confidence,
        reason=said.reason,
        delivery_id=said.delivery_id,
        missing_work=said.missing_work,
        next_round_guidance=said.next_round_guidance,
        review_text=said.review_text,
    )
    answer = await call.system.judge(
        c.SubmitVerdict(review_id_of(call), body.run_id, verdict), caller
    )
    return shown(200, verdict_response_of(answer, call.system.views), etag(answer.task))


ROUTES: Routes = {
    Operation.REQUEST_REVIEW: request,
    Operation.LIST_RUN_REVIEWS: list_of_run,
    Operation.LIST_TASK_REVIEWS: list_of_task,
    Operation.GET_REVIEW: get,
    Operation.SUBMIT_VERDICT: judge,
}
