import json

import pytest

from chargehand.actors import actions
from chargehand.actors.actions import Action
from chargehand.actors.errors import Code, Kind, Rejected, invalid
from chargehand.web.operations import Operation
from chargehand.web.problems import (
    EdgeCode,
    edge_response,
    not_ready_response,
    refusal_response,
    status_of,
)
from chargehand.web.redaction import redact


@pytest.mark.parametrize(
    ("kind", "operation", "status"),
    [
        (Kind.INVALID, Operation.CREATE_TASK, 422),
        (Kind.INVALID, Operation.DELETE_TASK, 400),
        (Kind.INVALID, Operation.CREATE_SESSION, 400),
        (Kind.CONFLICT, Operation.CANCEL_TASK, 409),
        (Kind.CONFLICT, Operation.DELETE_TASK, 400),
        (Kind.CONFLICT, Operation.REMOVE_DEPENDENCY, 422),
        (Kind.TOO_LARGE, Operation.AGENT_COMPLETE, 413),
        (Kind.FORBIDDEN, Operation.CLAIM_RUN, 403),
        (Kind.UNAVAILABLE, Operation.GET_TASK, 503),
        (Kind.RATE_LIMITED, Operation.FORCE_FAIL, 429),
        (Kind.NOT_FOUND, Operation.GET_TASK, 404),
        (Kind.UNAUTHENTICATED, Operation.LIST_TASKS, 401),
    ],
)
def test_a_kind_is_answered_with_a_code_that_the_operation_lists(kind, operation, status):
    assert status_of(kind, operation) == status


def test_an_envelope_has_code_pointer_and_next_step():
    response = refusal_response(
        invalid("/title", "/title is required", "give one"), Operation.GET_TASK
    )
    body = json.loads(response.body)
    assert response.status == 422
    assert body["error"] == "Invalid request: /title is required (next: give one)"
    assert body["diagnostic"] == {
        "id": "task.invalid_request",
        "code": "invalid_request",
        "severity": "error",
        "category": "task",
        "title": "Invalid request",
        "message": "/title is required",
        "data_freshness": "live",
        "evidence": {"pointer": "/title"},
    }


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (Rejected(Code.OVERLOADED, "full"), "server.overloaded"),
        (Rejected(Code.SESSION_EXISTS, "taken"), "session.session_already_exists"),
        (Rejected(Code.IDENTITY_STALE, "x", area="agentidentity"), "agentidentity.identity_stale"),
        (Rejected(Code.RUN_LEASED, "leased"), "task.task_run_leased"),
    ],
)
def test_an_id_names_the_area_of_the_code_unless_the_refusal_names_one(refusal, told):
    response = refusal_response(refusal, Operation.GET_TASK)
    assert json.loads(response.body)["diagnostic"]["id"] == told


def test_a_refusal_without_a_next_step_gets_one():
    response = refusal_response(invalid("/title", "/title is required"), Operation.GET_TASK)
    assert "(next: correct it and send the request again)" in json.loads(response.body)["error"]


def test_our_own_words_are_shown_as_they_are():
    response = edge_response(
        EdgeCode.MALFORMED, "the bearer token is missing", "Authorization: Bearer x"
    )
    told = json.loads(response.body)["error"]
    assert told.endswith("the bearer token is missing (next: Authorization: Bearer x)")


def suggested(action: Action) -> str | None:
    refusal = Rejected(Code.RUN_NOT_FOUND, "no run", "look", action=action)
    body = json.loads(refusal_response(refusal, Operation.GET_RUN).body)
    return body["diagnostic"].get("suggested_command")


def test_a_command_is_shown_as_a_shell_takes_it():
    told = suggested(actions.pause_task("ship-it"))
    assert told == "chargehand task pause ship-it --reason 'incident response'"


def test_a_next_step_that_ends_with_a_colon_goes_on_with_the_request():
    step = "approve it, or let it be:"
    refusal = Rejected(Code.TRANSITION, "no", step, action=actions.approve_task("ship-it"))
    told = json.loads(refusal_response(refusal, Operation.START_TASK).body)["error"]
    assert told.endswith("(next: approve it, or let it be: POST /api/tasks/ship-it/approve)")


@pytest.mark.parametrize("name", ["line\nbreak", "Bearer abc.def", "token=abc"])
def test_a_command_that_could_not_be_shown_as_it_is_is_not_shown(name):
    assert suggested(actions.register_session(name)) is None


def test_overload_says_when_to_come_back():
    response = refusal_response(Rejected(Code.OVERLOADED, "full"), Operation.GET_RUN)
    assert response.status == 503
    assert dict(response.headers)["Retry-After"] == "1"


def test_edge_codes_keep_their_own_headers():
    response = edge_response(EdgeCode.METHOD_NOT_ALLOWED, "no", headers=(("Allow", "GET"),))
    assert (response.status, dict(response.headers)) == (405, {"Allow": "GET"})


def test_not_ready_names_the_reason():
    response = not_ready_response("disk is gone")
    assert response.status == 503
    assert "disk is gone" in json.loads(response.body)["error"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a agh_claim_Ab-_9 b", "a agh_claim_[REDACTED] b"),
        ("Bearer abc.def", "Bearer [REDACTED]"),
        ("token=abc, x", "token=[REDACTED], x"),
        ('{"api_key": "abc"}', '{"api_key": [REDACTED]}'),
        ("password: hunter2;", "password: [REDACTED];"),
        ("Authorization: Basic abc def", "Authorization: [REDACTED]"),
        ("client_secret=x", "client_secret=[REDACTED]"),
        ("no tokens here", "no tokens here"),
        ("/metadata holds a key claim_token", "/metadata holds a key claim_token"),
    ],
)
def test_secrets_are_taken_out(text, shown):
    assert redact(text) == shown


def test_secrets_are_taken_out_of_all_that_is_reported():
    refusal = Rejected(
        Code.RUN_NOT_FOUND, "no agh_claim_abc", "use token=abc", evidence={"run_id": "Bearer abc"}
    )
    assert b"abc" not in refusal_response(refusal, Operation.GET_RUN).body
