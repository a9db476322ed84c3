import pytest

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task.commands import CreateTask, PatchTask
from chargehand.actors.task.state import ApprovalPolicy, OwnerKind, Priority, Scope
from chargehand.web.bodies import Body, Request
from chargehand.web.decoding import decode
from chargehand.web.requests.runs import COMPLETE_RUN, FAIL_RUN, ClaimNextRequest
from chargehand.web.requests.tasks import CREATE_TASK, ENQUEUE_RUN, UPDATE_TASK


def refusal(request: Request, body: bytes) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(request, body, **of_path(request))
    assert caught.value.code is Code.INVALID_REQUEST
    return caught.value


def of_path(request: Request) -> dict[str, str]:
    return {"run_id": "run-1"} if request in (COMPLETE_RUN, FAIL_RUN) else {}


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", b"null"])
def test_an_empty_body_is_an_empty_object(body):
    assert decode(ClaimNextRequest, body) == ClaimNextRequest()


def test_enums_are_trimmed_and_lower_cased_and_texts_trimmed():
    request = decode(CREATE_TASK, b'{"scope": " GLOBAL ", "title": " a ", "priority":"High"}')
    assert (request.scope, request.title, request.priority) == (Scope.GLOBAL, "a", Priority.HIGH)


def test_null_is_absent():
    request = decode(UPDATE_TASK, b'{"title": null, "metadata": null, "owner": null}')
    assert request == PatchTask()


def test_null_is_a_value_of_a_result_and_of_metadata_at_creation():
    assert decode(COMPLETE_RUN, b'{"result": null}', run_id="run-1").result == b"null"
    assert decode(COMPLETE_RUN, b"{}", run_id="run-1").result is None
    body = b'{"scope":"global","title":"a","metadata":null}'
    assert decode(CREATE_TASK, body).metadata == b"null"


def test_json_is_kept_compact():
    request = decode(ENQUEUE_RUN, b'{"metadata": {"a": [1, null, "\\u00e9"], "b": 1.5}}')
    assert request.metadata == '{"a":[1,null,"é"],"b":1.5}'.encode()


def test_a_blank_choice_with_a_default_is_absent_at_creation():
    body = b'{"scope":"global","title":"a","priority":" ","approval_policy":""}'
    request = decode(CREATE_TASK, body)
    assert (request.priority, request.approval_policy) == (Priority.MEDIUM, ApprovalPolicy.NONE)


def test_a_body_is_the_command_itself():
    body = b'{"scope": "workspace", "workspace": " here ", "title": "a", "identifier": " "}'
    made = CreateTask(Scope.WORKSPACE, "a", workspace_id="here", parent_task_id="p")
    assert decode(CREATE_TASK, body, parent_task_id="p") == made


def test_what_the_path_says_is_no_member():
    body = b'{"scope": "global", "title": "a", "parent_task_id": "x", "workspace_id": "y"}'
    command = decode(CREATE_TASK, body)
    assert (command.parent_task_id, command.workspace_id) == (None, None)
    assert decode(COMPLETE_RUN, b'{"run_id": "other"}', run_id="run-1").run_id == "run-1"


def test_a_member_of_another_name_is_named_as_it_was_sent():
    body = b'{"scope": "workspace", "title": "a", "workspace": 5}'
    fault = refusal(CREATE_TASK, body)
    assert (fault.pointer, fault.message) == ("/workspace", "/workspace must be a string")


def test_the_rules_of_a_command_refuse_as_they_do_of_any_caller():
    with pytest.raises(Rejected) as of_command:
        CreateTask(Scope.GLOBAL, "a", max_attempts=0)
    fault = refusal(CREATE_TASK, b'{"scope": "global", "title": "a", "max_attempts": 0}')
    assert str(fault) == str(of_command.value)
    assert fault.pointer == "/max_attempts"


def test_a_body_names_only_fields_that_the_command_has():
    with pytest.raises(TypeError, match="CreateTask has no field work_space"):
        Body(CreateTask, "CreateTaskRequest", renamed={"work_space": "workspace"})


def test_unknown_members_are_ignored():
    assert decode(ClaimNextRequest, b'{"soul": {"deep": [1]}}') == ClaimNextRequest()


def test_an_object_within_is_decoded():
    body = b'{"owner": {"kind": "pool", "ref": " coder ", "more": 1}}'
    owner = decode(UPDATE_TASK, body).owner
    assert owner is not None
    assert (owner.kind, owner.ref) == (OwnerKind.POOL, "coder")


@pytest.mark.parametrize(
    ("cls", "body", "pointer"),
    [
        (CREATE_TASK, b'{"title": "a"}', "/scope"),
        (CREATE_TASK, b'{"scope": "global"}', "/title"),
        (CREATE_TASK, b'{"scope": "galaxy", "title": "a"}', "/scope"),
        (CREATE_TASK, b'{"scope": "", "title": "a"}', "/scope"),
        (CREATE_TASK, b'{"scope": "global", "title": 5}', "/title"),
        (CREATE_TASK, b'{"scope": "global", "title": null}', "/title"),
        (UPDATE_TASK, b'{"priority": ""}', "/priority"),
        (UPDATE_TASK, b'{"owner": {"ref": "x"}}', "/owner/kind"),
        (UPDATE_TASK, b'{"owner": {"kind": "robot", "ref": "x"}}', "/owner/kind"),
        (UPDATE_TASK, b'{"owner": []}', "/owner"),
        (UPDATE_TASK, b'{"max_attempts": true}', "/max_attempts"),
        (UPDATE_TASK, b'{"max_attempts": 3.0}', "/max_attempts"),
        (UPDATE_TASK, b'{"max_attempts": "3"}', "/max_attempts"),
        (UPDATE_TASK, b'{"clear_owner": 1}', "/clear_owner"),
        (ClaimNextRequest, b'{"wait": "true"}', "/wait"),
        (ClaimNextRequest, b'{"required_capabilities": "go"}', "/required_capabilities"),
        (ClaimNextRequest, b'{"required_capabilities": ["a", 1]}', "/required_capabilities/1"),
        (ClaimNextRequest, b'{"lease_seconds": 99999999999999999999}', "/lease_seconds"),
        (FAIL_RUN, b"{}", "/error"),
        (FAIL_RUN, b"[]", ""),
        (FAIL_RUN, b'"error"', ""),
        (FAIL_RUN, b"{", ""),
        (FAIL_RUN, b'{"error": "a"} {}', ""),
        (FAIL_RUN, b'{"error": NaN}', ""),
        (FAIL_RUN, b'{"error": "\\ud800"}', ""),
        (FAIL_RUN, b'{"error": "\xff"}', ""),
        (ENQUEUE_RUN, b"[" * 2000, ""),
    ],
)
def test_a_fault_is_named_by_its_pointer(cls, body, pointer):
    assert refusal(cls, body).pointer == pointer


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"metadata": ' + b"[" * 1500 + b"]" * 1500 + b"}", "the body is nested too deep"),
        (b'{"metadata": 1e999}', "a number is out of range"),
        (b'{"metadata": 99999999999999999999}', "/metadata is out of range"),
        (b'{"idempotency_key": 5}', "/idempotency_key must be a string"),
        (b"{", "the body is not JSON"),
        (b"[]", "the body must be an object"),
    ],
)
def test_a_fault_says_what_it_is_and_what_to_do(body, says):
    fault = refusal(ENQUEUE_RUN, body)
    assert fault.message.startswith(says)
    assert fault.next_step


@pytest.mark.parametrize(
    ("number", "accepted"),
    [
        (b"18446744073709551615", True),
        (b"18446744073709551616", False),
        (b"-9223372036854775808", True),
        (b"-9223372036854775809", False),
        (b"9" * 300, False),
        (b"0.12345678901234567890123", True),
    ],
)
def test_an_integer_that_would_be_rounded_is_refused(number, accepted):
    body = b'{"metadata": {"a/b": [0, %b]}}' % number
    if accepted:
        assert decode(ENQUEUE_RUN, body).metadata is not None
    else:
        assert refusal(ENQUEUE_RUN, body).pointer == "/metadata/a~1b/1"


def test_digits_in_a_text_are_no_integer():
    body = b'{"metadata": {"a": "99999999999999999999"}}'
    assert decode(ENQUEUE_RUN, body).metadata == b'{"a":"99999999999999999999"}'


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_metadata_nested_too_deeply_is_refused(opening):
    closing = b"]" if opening == b"[" else b"}"

    def nested(levels: int) -> bytes:
        return b'{"metadata": %b1%b}' % (opening * levels, closing * levels)

    assert decode(ENQUEUE_RUN, nested(limits.JSON_DEPTH_MAX)).metadata is not None
    fault = refusal(ENQUEUE_RUN, nested(limits.JSON_DEPTH_MAX + 1))
    assert fault.pointer == "/metadata"
