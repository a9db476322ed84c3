"""ETags of answers, and If-Match of writes: of two changes from one reading, one is refused."""

import pytest
import trio

from chargehand.web.operations import BULK_RUNS, BULK_TASKS, TAGGED, Operation
from tests.web.client import ContractClient
from tests.web.test_sending_again import serving
from tests.web.writes import SITUATIONS, WRITES, Stage

CONDITIONAL = [operation for operation in WRITES if operation.is_conditional]
NOT_CONDITIONAL = {
    Operation.CREATE_TASK,
    Operation.CREATE_CHILD,
    Operation.CREATE_BATCH,
    Operation.CLAIM_NEXT,
    Operation.CLAIM_BATCH,
    Operation.HEARTBEAT_BATCH,
    Operation.RELEASE_BATCH,
    Operation.COMPLETE_BATCH,
    Operation.FAIL_BATCH,
    Operation.PAUSE_SCHEDULER,
    Operation.RESUME_SCHEDULER,
    Operation.DRAIN_SCHEDULER,
    Operation.BULK_RELEASE,
    Operation.BULK_FAIL,
    *BULK_TASKS,
    *BULK_RUNS,
    Operation.CREATE_WORKSPACE,
    Operation.RESOLVE_WORKSPACE,
    Operation.CREATE_SESSION,
    Operation.END_SESSION,
}
PATH = "/api/tasks/t1"


async def patched(client, title: str, **headers: str):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.send("PATCH", PATH, {"title": title}, names)


async def test_of_two_changes_from_one_reading_one_is_refused(client):
    await client.created(id="t1", title="a")
    read = (await client.get(PATH)).headers["etag"]
    first = await patched(client, "b", If_Match=read)
    assert first.status == 200
    now = first.headers["etag"]
    assert now == f'"{first.json["task"]["latest_event_seq"]}"' != read
    second = await patched(client, "c", If_Match=read)
    assert (second.status, second.code) == (412, "precondition_failed")
    assert second.json["diagnostic"]["evidence"] == {"task_id": "t1", "etag": now}
    assert "read it again" in second.json["error"]
    shown = await client.get(PATH)
    assert (shown.json["task"]["task"]["title"], shown.headers["etag"]) == ("b", now)
    assert (await patched(client, "c", If_Match=now)).status == 200


async def test_of_many_that_race_from_one_reading_one_wins(client):
    await client.created(id="t1", title="a")
    read = (await client.get(PATH)).headers["etag"]
    statuses: list[int] = []

    async def change(number: int) -> None:
        statuses.append((await patched(client, f"b{number}", If_Match=read)).status)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(change, number)
    assert sorted(statuses) == [200] + [412] * 19


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("*", 200),
        (" {now} ", 200),
        ('"1", {now}', 200),
        ('W/"1",, {now} ,', 200),
        ('"0{number}"', 412),
        ("W/{now}", 412),
        ('"x", ""', 412),
        ('"99999999999999999999999"', 412),
        ("{number}", 422),
        ("{now} {now}", 422),
        ("", 422),
        ("*, {now}", 422),
    ],
)
async def test_tags_are_compared_as_the_standard_says(client, header, status):
    await client.created(id="t1", title="a")
    now = (await client.get(PATH)).headers["etag"]
    header = header.format(now=now, number=now.strip('"'))
    answered = await patched(client, "b", If_Match=header)
    assert answered.status == status
    if status == 422:
        assert answered.pointer == "If-Match"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (('"77"', "{now}"), 200),
        (("{now}", '"77"'), 200),
        (('"77"', '"78"'), 412),
        (("{now}", "*"), 422),
    ],
)
async def test_of_several_lines_all_count(client, lines, status):
    await client.created(id="t1", title="a")
    now = (await client.get(PATH)).headers["etag"]

    async def app(scope, receive, send):
        scope["headers"] += [(b"if-match", line.format(now=now).encode()) for line in lines]
        await client.app(scope, receive, send)

    assert (await patched(ContractClient(app), "b")).status == status


async def test_what_writes_nothing_is_answered_as_ever(client):
    await client.created(id="t1", title="a")
    read = (await client.get(PATH)).headers["etag"]
    for _ in range(2):  # sent again under its key, although its own effect has moved the tag
        answered = await patched(client, "b", If_Match=read, Idempotency_Key="k")
        assert answered.status == 200
    assert (await patched(client, "b", If_Match=read)).status == 200  # it is so already
    assert (
        await client.send("DELETE", "/api/tasks/none", headers={"If-Match": read})
    ).status == 404


async def test_the_profile_runs_and_reviews_have_the_tag_of_their_task(client):
    run = await client.queued(id="t1")
    tag = (await client.get(PATH)).headers["etag"]
    assert (await client.get(f"/api/task-runs/{run['id']}")).headers["etag"] == tag
    profile = f"{PATH}/execution-profile"
    assert (await client.get(profile)).headers["etag"] == tag
    body = {"worker": {"required_capabilities": ["go"]}}
    put = await client.send("PUT", profile, body, {"If-Match": tag})
    assert put.status == 200
    assert put.headers["etag"] != tag
    again = await client.send("PUT", profile, {}, {"If-Match": tag})
    assert (again.status, again.code) == (412, "precondition_failed")
    assert (await client.get(profile)).headers["etag"] == put.headers["etag"]


async def test_what_is_no_single_resource_has_no_tag(client):
    await client.created(id="t1")
    for path in (
        "/api/tasks",
        f"{PATH}/runs",
        f"{PATH}/tree",
        f"{PATH}/timeline",
        "/api/scheduler",
    ):
        assert "etag" not in (await client.get(path)).headers


# --- every write ---------------------------------------------------------------------------------


def test_every_write_is_conditional_or_known_to_be_none():
    assert set(WRITES) == set(CONDITIONAL) | NOT_CONDITIONAL
    assert not set(CONDITIONAL) & NOT_CONDITIONAL


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.name)
async def test_a_write_that_is_conditional_is_refused_after_a_change(autojump_clock, operation):
    async with serving() as server:
        write = await SITUATIONS[operation](Stage(server.http))
        before = server.written
        tag = old = '"0", W/"1"'
        for client in (server.http, server.uds) if operation.is_conditional else ():
            refused = await write.send(client, None, **{"If-Match": old})
            assert (refused.status, refused.code) == (412, "precondition_failed")
            assert server.written == before
            tag = refused.json["diagnostic"]["evidence"]["etag"]
        done = await write.send(server.uds, None, **{"If-Match": tag})
        assert done.status == operation.success
        assert ("etag" in done.headers) == (operation in TAGGED)
