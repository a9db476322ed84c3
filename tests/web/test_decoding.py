import pytest

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task.state import ApprovalPolicy, OwnerKind, Priority, Scope
from chargehand.web.decoding import decode
from chargehand.web.requests.runs import ClaimNextRequest, CompleteRunRequest, FailRunRequest
from chargehand.web.requests.tasks import CreateTaskRequest, EnqueueRunRequest, UpdateTaskRequest


def refusal(cls: type, body: bytes) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(cls, body)
    assert caught.value.code is Code.INVALID_REQUEST
    return caught.value


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", b"null"])
def test_an_empty_body_is_an_empty_object(body):
    assert decode(ClaimNextRequest, body) == ClaimNextRequest()


def test_enums_are_trimmed_and_lower_cased_and_texts_trimmed():
    request = decode(CreateTaskRequest, b'{"scope": " GLOBAL ", "title": " a ", "priority":"High"}')
    assert (request.scope, request.title, request.priority) == (Scope.GLOBAL, "a", Priority.HIGH)


def test_null_is_absent():
    request = decode(UpdateTaskRequest, b'{"title": null, "metadata": null, "owner": null}')
    assert request == UpdateTaskRequest()


def test_null_is_a_value_of_a_result_and_of_metadata_at_creation():
    assert decode(CompleteRunRequest, b'{"result": null}').result == b"null"
    assert decode(CompleteRunRequest, b"{}").result is None
    body = b'{"scope":"global","title":"a","metadata":null}'
    assert decode(CreateTaskRequest, body).metadata == b"null"


def test_json_is_kept_compact():
    request = decode(EnqueueRunRequest, b'{"metadata": {"a": [1, null, "\\u00e9"], "b": 1.5}}')
    assert request.metadata == '{"a":[1,null,"é"],"b":1.5}'.encode()


def test_a_blank_choice_with_a_default_is_absent_at_creation():
    body = b'{"scope":"global","title":"a","priority":" ","approval_policy":""}'
    request = decode(CreateTaskRequest, body)
    assert (request.priority, request.approval_policy) == (Priority.MEDIUM, ApprovalPolicy.NONE)


def test_unknown_members_are_ignored():
    assert decode(ClaimNextRequest, b'{"soul": {"deep": [1]}}') == ClaimNextRequest()


def test_an_object_within_is_decoded():
    body = b'{"owner": {"kind": "pool", "ref": " coder ", "more": 1}}'
    owner = decode(UpdateTaskRequest, body).owner
    assert owner is not None
    assert (owner.kind, owner.ref) == (OwnerKind.POOL, "coder")


@pytest.mark.parametrize(
    ("cls", "body", "pointer"),
    [
        (CreateTaskRequest, b'{"title": "a"}', "/scope"),
        (CreateTaskRequest, b'{"scope": "global"}', "/title"),
        (CreateTaskRequest, b'{"scope": "galaxy", "title": "a"}', "/scope"),
        (CreateTaskRequest, b'{"scope": "", "title": "a"}', "/scope"),
        (CreateTaskRequest, b'{"scope": "global", "title": 5}', "/title"),
        (CreateTaskRequest, b'{"scope": "global", "title": null}', "/title"),
        (UpdateTaskRequest, b'{"priority": ""}', "/priority"),
        (UpdateTaskRequest, b'{"owner": {"ref": "x"}}', "/owner/kind"),
        (UpdateTaskRequest, b'{"owner": {"kind": "robot", "ref": "x"}}', "/owner/kind"),
        (UpdateTaskRequest, b'{"owner": []}', "/owner"),
        (UpdateTaskRequest, b'{"max_attempts": true}', "/max_attempts"),
        (UpdateTaskRequest, b'{"max_attempts": 3.0}', "/max_attempts"),
        (UpdateTaskRequest, b'{"max_attempts": "3"}', "/max_attempts"),
        (UpdateTaskRequest, b'{"clear_owner": 1}', "/clear_owner"),
        (ClaimNextRequest, b'{"wait": "true"}', "/wait"),
        (ClaimNextRequest, b'{"required_capabilities": "go"}', "/required_capabilities"),
        (ClaimNextRequest, b'{"required_capabilities": ["a", 1]}', "/required_capabilities/1"),
        (ClaimNextRequest, b'{"lease_seconds": 99999999999999999999}', "/lease_seconds"),
        (FailRunRequest, b"{}", "/error"),
        (FailRunRequest, b"[]", ""),
        (FailRunRequest, b'"error"', ""),
        (FailRunRequest, b"{", ""),
        (FailRunRequest, b'{"error": "a"} {}', ""),
        (FailRunRequest, b'{"error": NaN}', ""),
        (FailRunRequest, b'{"error": "\\ud800"}', ""),
        (FailRunRequest, b'{"error": "\xff"}', ""),
        (EnqueueRunRequest, b"[" * 2000, ""),
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
        (b"{", "the body is no JSON"),
        (b"[]", "the body must be an object"),
    ],
)
def test_a_fault_says_what_it_is_and_what_to_do(body, says):
    fault = refusal(EnqueueRunRequest, body)
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
        assert decode(EnqueueRunRequest, body).metadata is not None
    else:
        assert refusal(EnqueueRunRequest, body).pointer == "/metadata/a~1b/1"


def test_digits_in_a_text_are_no_integer():
    body = b'{"metadata": {"a": "99999999999999999999"}}'
    assert decode(EnqueueRunRequest, body).metadata == b'{"a":"99999999999999999999"}'


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_metadata_nested_too_deeply_is_refused(opening):
    closing = b"]" if opening == b"[" else b"}"

    def nested(levels: int) -> bytes:
        return b'{"metadata": %b1%b}' % (opening * levels, closing * levels)

    assert decode(EnqueueRunRequest, nested(limits.JSON_DEPTH_MAX)).metadata is not None
    fault = refusal(EnqueueRunRequest, nested(limits.JSON_DEPTH_MAX + 1))
    assert fault.pointer == "/metadata"
