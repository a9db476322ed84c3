"""What an operation does not know is named to the caller, or refused where the server is strict."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

import attrs
import pytest

from chargehand.actors.errors import Rejected
from chargehand.actors.identity import OriginKind
from chargehand.web.app import create_app
from chargehand.web.call import Call
from chargehand.web.headers import RequestHeaders
from chargehand.web.ignored import (
    HEADER_CHARS_MAX,
    MORE,
    NAME_CHARS_MAX,
    NAMES_MAX,
    Ignored,
    known_parameters,
    names_in,
    with_suggestion,
)
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import Operation
from chargehand.web.routes import ROUTES
from tests.web.client import ContractClient

FIELD_VALUE = re.compile(r"[!-~]+(, [!-~]+)*")
WRITES = [operation for operation in Operation if operation.method != "GET"]
READS = [operation for operation in Operation if operation.method == "GET"]
STREAMS = (Operation.STREAM_TASK, Operation.STREAM)


@pytest.fixture
async def strict(system) -> ContractClient:
    return ContractClient(create_app(system, OriginKind.HTTP, strict=True))


def path_of(operation: Operation) -> str:
    return re.sub(r"\{\w+\}", "x1", operation.path)


async def test_an_unknown_member_is_ignored_and_named(client):
    answered = await client.post(
        "/api/tasks?dry_run=1",
        {
            "scope": "global",
            "title": "a",
            "prioritiy": "high",
            "parent_id": None,
            "owner": {"kind": "pool", "ref": "x", "knd": 1},
            "metadata": {"whatever": 1},
        },
    )
    assert answered.status == 201
    assert answered.headers["chargehand-ignored"] == "?dry_run, /prioritiy, /parent_id, /owner/knd"


async def test_where_all_is_known_nothing_is_named(client):
    answered = await client.post("/api/tasks", {"scope": "global", "title": "a", "priority": "low"})
    assert answered.status == 201
    assert "chargehand-ignored" not in answered.headers


async def test_members_of_a_profile_are_named_at_any_depth(client):
    await client.created(id="t1")
    body = {"worker": {"agent": "x", "mode": "inherit"}, "sandbx": {}, "review": {"rounds": 3}}
    answered = await client.send("PUT", "/api/tasks/t1/execution-profile", body)
    assert answered.status == 200
    assert answered.headers["chargehand-ignored"] == "/worker/agent, /sandbx, /review/rounds"


async def test_a_refused_request_is_told_what_was_ignored_too(client):
    answered = await client.post("/api/tasks?x=1", {"scope": "global", "titel": "a"})
    assert answered.status == 422
    assert answered.headers["chargehand-ignored"] == "?x, /titel"
    assert (await client.get("/api/tasks/none?y")).headers["chargehand-ignored"] == "?y"


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.name)
async def test_every_write_names_what_it_ignores(client, operation):
    await client.created(id="x1")
    answered = await client.send(operation.method, f"{path_of(operation)}?zzz=1", {"zzz": 1})
    named = names_in(answered.headers["chargehand-ignored"])
    # The identity of agents is looked at before their bodies.
    assert named == ["?zzz", "/zzz"] or (named == ["?zzz"] and answered.status == 401)


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.name)
async def test_every_read_names_the_parameters_that_it_ignores(client, operation):
    if operation in (Operation.DOCS, *STREAMS):  # a page; streams are tried below
        return
    answered = await client.get(f"{path_of(operation)}?zzz=1&zzz=2&limti=3")
    assert answered.headers["chargehand-ignored"] == "?zzz, ?limti"


@pytest.mark.parametrize("operation", STREAMS, ids=lambda operation: operation.name)
async def test_a_stream_names_them_too(client, operation):
    await client.created(id="x1")
    answered = await client.send("HEAD", f"{path_of(operation)}?after=3")
    assert answered.headers["chargehand-ignored"] == "?after"


@pytest.mark.parametrize(
    "name",
    ["a,b", "a b", "\r\nX: y", '"', "%2C", "größe", "\x00", "🙂" * 100, "~/~", "", "..."],
)
async def test_the_header_is_valid_whatever_the_names_are(client, name):
    answered = await client.post("/api/tasks", {"scope": "global", "title": "a", name: 1})
    header = answered.headers["chargehand-ignored"]
    assert FIELD_VALUE.fullmatch(header)
    [told] = names_in(header)
    escaped = "/" + name.replace("~", "~0").replace("/", "~1")
    assert told == (escaped if len(escaped) <= NAME_CHARS_MAX else escaped[:NAME_CHARS_MAX] + MORE)


@pytest.mark.parametrize(("name", "count"), [("x", 100_000), ("🙂" * 80, 40), ("y", NAMES_MAX + 1)])
async def test_the_header_is_bounded(client, name, count):
    body = {"scope": "global", "title": "a", **{f"{n}{name}": n for n in range(count)}}
    answered = await client.post("/api/tasks", body)
    assert answered.status == 201
    header = answered.headers["chargehand-ignored"]
    assert len(header) <= HEADER_CHARS_MAX
    names = names_in(header)
    assert 1 < len(names) <= NAMES_MAX + 1
    assert names[-1] == MORE


async def test_as_many_as_there_is_room_for_are_all_named(client):
    body = {"scope": "global", "title": "a", **{f"x{n}": n for n in range(NAMES_MAX)}}
    answered = await client.post("/api/tasks", body)
    assert len(names_in(answered.headers["chargehand-ignored"])) == NAMES_MAX
    assert MORE not in answered.headers["chargehand-ignored"]


# --- strict ------------------------------------------------------------------------------------


async def test_a_strict_server_refuses_them_all_at_once_and_says_what_may_be_meant(strict):
    body = {"scope": "global", "titel": "a", "owner": {"kind": "pool", "reff": "x"}, "soul": 1}
    answered = await strict.post("/api/tasks?statsu=ready", body)
    assert (answered.status, answered.code) == (422, "unknown_members")
    assert answered.json["diagnostic"]["message"] == (
        "this operation does not know ?statsu, /titel (did you mean /title?),"
        " /owner/reff (did you mean /owner/ref?), /soul"
    )
    assert answered.json["diagnostic"]["evidence"] == {
        "pointer": "?statsu",
        "unknown": "?statsu, /titel, /owner/reff, /soul",
    }
    assert (await strict.get("/api/tasks")).json["tasks"] == []


async def test_a_strict_server_refuses_parameters(strict):
    answered = await strict.get("/api/tasks?statsu=ready")
    assert (answered.status, answered.code) == (422, "unknown_members")
    assert "?statsu (did you mean ?status?)" in answered.json["error"]


@pytest.mark.parametrize("operation", Operation, ids=lambda operation: operation.name)
async def test_every_strict_operation_refuses_with_a_code_that_it_lists(strict, operation):
    await strict.created(id="x1")
    asked = strict.app.test_client()  # the contract lists neither 400 nor 422 for some
    answered = await asked.open(f"{path_of(operation)}?zzz=1", method=operation.method)
    if not operation.path.startswith("/api/"):
        assert answered.status_code == 200  # probes and the description are for everybody
    elif answered.status_code != 401:  # the identity of agents comes first
        assert (await answered.get_json())["diagnostic"]["code"] == "unknown_members"
        assert answered.status_code == (422 if 422 in operation.refusals else 400)


async def test_a_strict_server_takes_what_is_known(strict):
    assert (await strict.created(id="t1", priority="high"))["priority"] == "high"
    assert (await strict.get("/api/tasks?status=ready&limit=1&cursor=")).status == 200
    assert (await strict.send("DELETE", "/api/tasks/t1")).status == 204


# --- the table, and what is meant ------------------------------------------------------------


@attrs.define
class _Noting(Mapping[str, str]):
    """A query that notes what is asked of it."""

    asked: set[str] = attrs.field(factory=set)

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.name)
async def test_a_handler_reads_the_parameters_that_are_known_of_it(client, system, operation):
    session = RequestHeaders(((b"x-agh-session-id", b"s1"), (b"x-agh-agent", b"a")))
    await client.created(id="t1")
    run = await client.queued()
    place = run["id"] if "runs/{id}" in operation.path else "t1"
    ids = {"id": place, "subscription_id": "b1", "session_id": "s1"}
    query = _Noting()
    call = Call(
        system, operation, OriginKind.HTTP, "/", ids, query, session, b"", Ignored(operation, False)
    )
    with suppress(Rejected):  # there is no such review, session, …
        await ROUTES[operation](call)
    assert query.asked == known_parameters(operation)


@pytest.mark.parametrize(
    ("operation", "name", "told"),
    [
        (Operation.CREATE_TASK, "/Priority", "/Priority (did you mean /priority?)"),
        (Operation.CREATE_TASK, "/depends_on", "/depends_on"),
        (Operation.CREATE_TASK, "/a/b/c", "/a/b/c"),
        (Operation.LIST_TASKS, "?statsu", "?statsu (did you mean ?status?)"),
        (Operation.LIST_TASKS, "?curser", "?curser (did you mean ?cursor?)"),
        (Operation.LIST_TASKS, "?status", "?status"),  # as an older server may say
        (
            Operation.SET_PROFILE,
            "/worker/required_capability",
            "/worker/required_capability (did you mean /worker/required_capabilities?)",
        ),
        (Operation.REJECT_TASK, "/reason", "/reason"),
    ],
)
def test_what_may_be_meant(operation, name, told):
    assert with_suggestion(operation, name) == told


def test_every_body_has_its_class():
    assert {op for op in Operation if DOCS[op].request is not None} <= set(WRITES)
