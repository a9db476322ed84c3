"""The codes that the description lists for an operation are those that it may answer.

They are held against the source, read from each handler on (`codes`), and against the refusals that
are provoked (`refusals`). That nothing else is ever answered is asserted of every answer that any
test of the API gets (`tests.web.client`).
"""

from pathlib import Path
from typing import Final

import pytest

from chargehand.actors.errors import LEASE_LOST, Code
from chargehand.actors.identity import OriginKind
from chargehand.actors.task.decide import lease
from chargehand.web.app import create_app
from chargehand.web.headers import AGENT_HEADER, SESSION_HEADER, WORKSPACE_HEADER
from chargehand.web.identity import AGENTS_ONLY, ANYBODYS
from chargehand.web.openapi.document import document
from chargehand.web.openapi.meanings import MEANINGS
from chargehand.web.openapi.page import page
from chargehand.web.openapi.refusals import OWN, refusals_of
from chargehand.web.operations import ASKED_BY_PROBES, BULK_RUNS, Operation
from chargehand.web.operations import Operation as Op
from chargehand.web.page.session import BrowserSessions
from chargehand.web.problems import EdgeCode
from tests.contract.codes import codes_from, codes_of
from tests.contract.refusals import REFUSALS
from tests.web.client import ContractClient

ROOT: Final = Path(__file__).parents[2]
_ROW: Final = "the row of a run or task tells it, the answer is 200"
_NO_QUERY: Final = "only a list and a write read what may be wrong; the path has no invalid ids"
_BATCHES: Final = (Op.HEARTBEAT_BATCH, Op.RELEASE_BATCH, Op.COMPLETE_BATCH, Op.FAIL_BATCH)
# What stands on an operation's way and is not answered by it, and why.
NOT_ANSWERED: Final[dict[tuple[Op, Code], str]] = {
    **{
        (operation, code): _ROW
        for operation, codes in (
            (Op.BULK_RELEASE, (Code.RUN_NOT_FOUND, Code.RUN_NOT_RELEASABLE)),
            (
                Op.BULK_FAIL,
                (Code.RUN_NOT_FOUND, Code.RUN_ALREADY_TERMINAL, Code.RUN_STILL_ACTIVE),
            ),
            *((operation, (Code.RUN_NOT_FOUND,)) for operation in _BATCHES),
            (Op.BULK_CANCEL_TASKS, (Code.TASK_NOT_FOUND, Code.TRANSITION)),
            (
                Op.BULK_APPROVE_TASKS,
                (
                    *(Code.TASK_NOT_FOUND, Code.TRANSITION, Code.TASK_HAS_OPEN_RUN),
                    *(Code.ATTEMPTS_EXHAUSTED, Code.BELOW_CANCELED, Code.BLOCKER_CANCELED),
                    Code.KEY_CONFLICT,
                ),
            ),
            (Op.BULK_PAUSE_TASKS, (Code.TASK_NOT_FOUND, Code.RUN_ALREADY_TERMINAL)),
            (Op.BULK_RESUME_TASKS, (Code.TASK_NOT_FOUND,)),
            (Op.BULK_ARCHIVE_TASKS, (Code.TASK_NOT_FOUND,)),
            (Op.BULK_CANCEL_RUNS, (Code.RUN_NOT_FOUND, Code.RUN_TRANSITION)),
            (
                Op.BULK_RETRY_RUNS,
                (
                    *(Code.RUN_NOT_FOUND, Code.TRANSITION, Code.TASK_HAS_OPEN_RUN),
                    *(Code.RUN_STILL_ACTIVE, Code.RUN_ALREADY_RETRIED, Code.RETRY_CHAIN_TOO_DEEP),
                    *(Code.ATTEMPTS_EXHAUSTED, Code.BELOW_CANCELED, Code.BLOCKER_CANCELED),
                ),
            ),
        )
        for code in codes
    },
    **{
        (operation, Code.INVALID_REQUEST): _NO_QUERY
        for operation in (Op.GET_SCHEDULER, Op.GET_SUBSCRIPTION, Op.GET_REVIEW)
    },
    (Op.SUBMIT_VERDICT, Code.RUN_NOT_FOUND): "a review is of a run that there is",
}
_THE_REGISTRY: Final = "the registry is an actor of its own, asked by way of its mailbox"
# What is answered by those whom the reader of the source cannot follow, and who they are.
ANSWERED_BY_OTHERS: Final[dict[tuple[Op, Code], str]] = {
    (Op.CLAIM_NEXT, Code.NO_ACTIVE_LEASE): "what was claimed under a key was deleted since",
    (Op.CLAIM_BATCH, Code.NO_ACTIVE_LEASE): "what was claimed under a key was deleted since",
    (Op.CLAIM_BATCH, Code.LEASE_ALREADY_HELD): "the scheduler counts what a session holds",
    **{
        (Op.CREATE_BATCH, code): "those who make many tasks decide for each item"
        for code in (
            Code.GRAPH_CYCLE,
            Code.BLOCKER_CANCELED,
            Code.NEEDED_ITEM_REFUSED,
            Code.BATCH_NOT_MADE,
            Code.TASK_SET_ASIDE,
        )
    },
    (Op.STREAM, Code.STREAM_CURSOR_BEHIND): "the views know how much has changed",
    **{
        (operation, code): "the views know the task that is named"
        for operation in (Op.LIST_ALL_RUNS, Op.LIST_ALL_REVIEWS, *BULK_RUNS)
        for code in (Code.TASK_NOT_FOUND, Code.TASK_SET_ASIDE)
    },
    (Op.CREATE_SUBSCRIPTION, Code.SUBSCRIPTION_NOT_FOUND): "made under a key, and deleted since",
    (Op.ATTACH_SESSION, Code.SESSION_BOUND): "the scheduler counts what a session holds",
    (Op.GET_WORKSPACE, Code.WORKSPACE_NOT_FOUND): _THE_REGISTRY,
    (Op.CREATE_SESSION, Code.SESSION_EXISTS): _THE_REGISTRY,
    (Op.GET_SESSION, Code.SESSION_NOT_FOUND): _THE_REGISTRY,
    (Op.END_SESSION, Code.SESSION_NOT_FOUND): _THE_REGISTRY,
    (Op.GET_WORKSPACE_SESSION, Code.WORKSPACE_NOT_FOUND): _THE_REGISTRY,
}
_BY_TEXT: Final = {code.code: code for code in Code}
_each = pytest.mark.parametrize("operation", Operation, ids=lambda operation: operation.name)


def found(operation: Operation) -> set[Code]:
    provoked = {_BY_TEXT[refusal.code] for refusal in REFUSALS if operation in refusal.operations}
    return codes_of(operation) | provoked


def listed(operation: Operation) -> set[Code]:
    codes = (code for of_status in refusals_of(operation).values() for code in of_status)
    return {code for code in codes if isinstance(code, Code)}


@_each
def test_every_code_that_an_operation_may_answer_is_listed(operation):
    missing = found(operation) - listed(operation)
    explained = {code for of, code in NOT_ANSWERED if of is operation}
    assert missing == explained, "add them to web/openapi/refusals.py, or say why not"


@_each
def test_a_code_of_an_operation_of_its_own_is_one_that_it_may_answer(operation):
    more = set(OWN.get(operation, ())) - found(operation)
    assert more == {code for of, code in ANSWERED_BY_OTHERS if of is operation}


def test_every_code_is_listed_somewhere_or_never_used():
    source = "".join(
        path.read_text(encoding="utf-8")
        for package in ("actors", "web")
        for path in (ROOT / package).rglob("*.py")
        if path.name not in ("errors.py", "meanings.py")
    )
    unlisted = set(Code) - {code for operation in Operation for code in listed(operation)}
    assert [code for code in unlisted if f"Code.{code.name}" in source] == []


def test_every_code_has_its_meaning():
    assert MEANINGS.keys() == {*Code, *EdgeCode}


def test_the_codes_that_say_that_a_lease_is_lost_are_those_of_whoever_holds_none():
    assert codes_from(lease._held) - {Code.RUN_NOT_FOUND} == LEASE_LOST
    for code in LEASE_LOST:
        assert MEANINGS[code].startswith("The lease is lost")


def test_the_reader_follows_a_command_to_what_decides_it():
    assert codes_of(Op.AGENT_HEARTBEAT) == {
        *LEASE_LOST,
        Code.RUN_NOT_FOUND,
        Code.INVALID_REQUEST,
        Code.IDENTITY_REQUIRED,
    }


@_each
def test_the_document_lists_each_code_with_its_meaning(operation):
    responses = document()["paths"][operation.path][operation.method.lower()]["responses"]
    refusals = {status: told for status, told in responses.items() if status >= "400"}
    assert refusals.keys() == {str(status) for status in refusals_of(operation)}
    for status, codes in refusals_of(operation).items():
        told = refusals[str(status)]
        assert told["x-codes"] == [code.code for code in codes]
        for code in codes:
            assert f"\n- `{code.code}`: {MEANINGS[code]}" in told["description"]
        lost = [code.code for code in codes if code in LEASE_LOST]
        assert told.get("x-lease-lost", []) == lost


@_each
def test_the_headers_of_agents_are_reported_where_they_are_read_and_needed(operation):
    parameters = document()["paths"][operation.path][operation.method.lower()].get("parameters", ())
    told = {p["name"]: p["required"] for p in parameters if p["name"].startswith("X-AGH-")}
    if operation in ANYBODYS:
        assert told == {}
        return
    needed = Code.IDENTITY_REQUIRED in codes_of(operation)  # by a handler that asks for a session
    assert told == {SESSION_HEADER: needed, AGENT_HEADER: needed, WORKSPACE_HEADER: False}
    assert (operation in AGENTS_ONLY) == needed


def test_the_scheme_of_the_token_is_reported_and_asked_for_where_there_is_one():
    for asks_token in (False, True):
        told = document(asks_token=asks_token)
        [(name, scheme)] = told["components"]["securitySchemes"].items()
        assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
        assert told.get("security") == ([{name: []}] if asks_token else None)
        free = {
            operation
            for operation in Operation
            if told["paths"][operation.path][operation.method.lower()].get("security") == []
        }
        assert free == (set(ASKED_BY_PROBES) if asks_token else set())


async def test_a_listener_that_asks_for_a_token_says_so(system):
    for asks_token in (False, True):
        sessions = BrowserSessions(b"secret") if asks_token else None
        app = create_app(system, OriginKind.HTTP, sessions=sessions)
        told = (await ContractClient(app).get("/openapi.json")).json
        assert ("security" in told) == asks_token


def test_the_page_shows_the_codes_and_the_headers():
    text = page().decode()
    assert "<li><code>AUTONOMY_LEASE_EXPIRED</code>: The lease is lost" in text
    assert f"<code>{SESSION_HEADER}</code>" in text
    assert "\n- " not in text
