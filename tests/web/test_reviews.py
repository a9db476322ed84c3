"""Reviews over HTTP."""

import pytest

VERDICT = {"outcome": "approved", "confidence": 0.9, "reason": "fine", "delivery_id": "d1"}
REJECTION = {**VERDICT, "outcome": "rejected", "missing_work": ["tests"]}
UNSET = "0001-01-01T00:00:00Z"


async def ended_run(client, **task):
    """A run that an operator has completed."""
    task = await client.created(**task)
    run = (await client.post(f"/api/tasks/{task['id']}/runs")).json["run"]
    for step in ("claim", "start", "complete"):
        answered = await client.post(f"/api/task-runs/{run['id']}/{step}")
        assert answered.status == 200
    return answered.json["run"]


async def asked(client, run, **body):
    answered = await client.post(f"/api/task-runs/{run['id']}/reviews", body)
    assert answered.status == 201, answered.body
    return answered.json["review"]


async def judged(client, review, verdict):
    body = {"run_id": review["run_id"], "verdict": verdict}
    return await client.post(f"/api/task-reviews/{review['review_id']}/verdict", body)


async def test_a_review_is_shown_as_it_was_asked_for(client):
    run = await ended_run(client)
    body = {"reason": "look twice", "deadline_at": "2099-01-01T00:00:00Z", "policy": "on_success"}
    review = await asked(client, run, **body)
    assert {name: review[name] for name in body} == body
    assert (review["status"], review["missing_work"]) == ("requested", [])
    assert {review[f"{name}_at"] for name in ("routed", "started", "reviewed")} == {UNSET}
    shown = await client.get(f"/api/task-reviews/{review['review_id']}")
    assert shown.json == {"review": review}


async def test_asked_for_again_it_is_the_same(client):
    run = await ended_run(client)
    review = await asked(client, run)
    again = await client.post(f"/api/task-runs/{run['id']}/reviews", b"")
    assert (again.status, again.json) == (200, {"review": review, "created": False})


async def test_a_time_that_is_not_set_in_go_is_no_deadline(client):
    run = await ended_run(client)
    review = await asked(client, run, deadline_at=UNSET, task_id="", run_id=run["id"])
    assert review["deadline_at"] not in (UNSET, "")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"policy": "none"}, "/policy"),
        ({"policy": "sometimes"}, "/policy"),
        ({"review_round": -1}, "/review_round"),
        ({"attempt": 1001}, "/attempt"),
        ({"deadline_at": "tomorrow"}, "/deadline_at"),
        ({"deadline_at": "2262-12-01T00:00:00Z"}, "/deadline_at"),
        ({"deadline_at": "2020-01-01T00:00:00Z"}, "/deadline_at"),
        ({"reason": "x" * 4097}, "/reason"),
        ({"parent_review_id": "review-none"}, "/parent_review_id"),
        ({"task_id": "task-else"}, "/task_id"),
    ],
)
async def test_what_is_wrong_in_a_request_is_named(client, body, pointer):
    run = await ended_run(client)
    answered = await client.post(f"/api/task-runs/{run['id']}/reviews", body)
    assert (answered.status, answered.code) == (400, "invalid_request")
    assert answered.json["diagnostic"]["evidence"]["pointer"] == pointer


async def test_a_rejection_answers_with_the_run_that_goes_on(client):
    run = await ended_run(client, id="t")
    review = await asked(client, run)
    answered = await judged(client, review, REJECTION)
    assert answered.status == 200
    follower = answered.json["continuation_run"]
    assert follower["metadata"]["missing_work"] == ["tests"]
    assert follower["previous_run_id"] == run["id"]
    assert "circuit_opened" not in answered.json
    again = await judged(client, review, {**REJECTION, "confidence": 0.1})
    assert (again.status, again.json) == (200, answered.json)
    conflict = await judged(client, review, VERDICT)
    assert (conflict.status, conflict.code) == (409, "task_run_review_closed")
    timeline = (await client.get("/api/tasks/t/timeline")).json["timeline"]
    told = [
        (event["event_type"], event["payload"]["run_id"])
        for event in timeline
        if "review" in event["event_type"]
    ]
    assert told == [
        ("task.run_review_requested", run["id"]),
        ("task.run_review_recorded", run["id"]),
        ("task.run_review_rejected", run["id"]),
        ("task.run_review_retry_enqueued", run["id"]),
    ]
    inspected = (await client.get(f"/api/runs/{follower['id']}/inspect")).json["inspect"]
    assert inspected["current_run"]["previous_run_id"] == run["id"]


async def test_the_last_rejection_says_that_the_circuit_is_open(client):
    review = await asked(client, await ended_run(client), review_round=3)
    answered = await judged(client, review, REJECTION)
    assert answered.json["circuit_opened"] is True
    assert answered.json["review"]["status"] == "circuit_opened"
    assert "continuation_run" not in answered.json


async def test_the_judge_is_shown_and_found(client):
    run = await ended_run(client, id="t")
    first, second = await asked(client, run), await asked(client, run, attempt=2)
    answered = await judged(client.acting_as("critic"), first, VERDICT)
    assert answered.json["review"]["reviewed_by"] == {"kind": "agent_session", "ref": "critic"}
    assert answered.json["review"]["reviewer_session_id"] == "critic"
    await judged(client, second, VERDICT)
    for path in ("/api/tasks/t/reviews", f"/api/task-runs/{run['id']}/reviews"):
        both = (await client.get(path)).json["reviews"]
        assert [review["attempt"] for review in both] == [2, 1]  # the last changed first
        found = (await client.get(f"{path}?reviewer_session_id=critic")).json["reviews"]
        assert [review["attempt"] for review in found] == [1]
        assert (await client.get(f"{path}?status=requested")).json == {"reviews": []}


async def test_lists_go_on_by_their_links(client):
    run = await ended_run(client, id="t")
    for attempt in range(1, 6):
        await asked(client, run, attempt=attempt)
    seen, path = [], "/api/tasks/t/reviews?limit=2"
    while path:
        answered = await client.get(path)
        seen.extend(review["attempt"] for review in answered.json["reviews"])
        link = dict(answered.headers).get("link", "")
        path = link.partition(">")[0].lstrip("<")
    assert seen == [5, 4, 3, 2, 1]


async def test_a_review_that_is_judged_after_the_first_page_is_shown_once(client):
    run = await ended_run(client, id="t")
    first, *_ = [await asked(client, run, attempt=attempt) for attempt in range(1, 6)]
    seen, path = [], "/api/tasks/t/reviews?limit=2"
    while path:
        answered = await client.get(path)
        seen.append([review["attempt"] for review in answered.json["reviews"]])
        path = dict(answered.headers).get("link", "").partition(">")[0].lstrip("<")
        if len(seen) == 1:
            await judged(client, first, VERDICT)
            await asked(client, run, attempt=6)
    assert seen == [[5, 4], [3, 2], [1]]
    both = (await client.get("/api/tasks/t/reviews?limit=2")).json["reviews"]
    assert [review["attempt"] for review in both] == [6, 1]


@pytest.mark.parametrize("path", ["/api/tasks/none/reviews", "/api/task-runs/none/reviews"])
async def test_lists_of_what_does_not_exist_are_not_found(client, path):
    assert (await client.get(path)).status == 404
