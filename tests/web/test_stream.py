"""The event stream, with a client of the test's own."""

import json

import trio
import trio.testing

from chargehand.actors import limits
from chargehand.actors.identity import OriginKind
from chargehand.web import sse
from chargehand.web.app import create_app
from tests.web.client import CONTRACT, open_stream


def checked(event: dict[str, str]) -> dict:
    """The data of an event, which must be as the contract says."""
    data = json.loads(event["data"])
    CONTRACT.check_schema("StreamEvent", data)
    assert (int(event["id"]), event["event"]) == (data["sequence"], data["type"])
    return data


async def test_backlog_then_live_with_all_descendants(system, client, nursery):
    task = await client.created()
    stream, hang_up = await open_stream(
        nursery, client.app, f"/api/tasks/{task['id']}/stream?after_sequence=0"
    )
    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-cache"
    assert stream.headers["x-accel-buffering"] == "no"
    assert "content-length" not in stream.headers
    body = {"scope": "global", "title": "c"}
    child = (await client.post(f"/api/tasks/{task['id']}/children", body)).json["task"]
    await client.post(f"/api/tasks/{child['id']}/runs")
    events = [checked(event) for event in await stream.wait_events(4)]
    assert stream.chunks[0] == b"retry: 2000\n\n"
    assert [data["type"] for data in events] == [
        "task.created",
        "task.created",
        "task.child_created",
        "task.run_enqueued",
    ]
    assert events[3]["timeline"]["run"]["status"] == "queued"
    assert events[3]["timeline"]["task"]["id"] == child["id"]
    numbers = [data["sequence"] for data in events]
    assert numbers == sorted(set(numbers))
    hang_up.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert len(system.views.streams) == 0


async def test_the_last_event_id_overrides_the_query(client, nursery):
    task = await client.created()
    path = f"/api/tasks/{task['id']}"
    for title in "bc":
        await client.send("PATCH", path, {"title": title})
    seen = (await client.get(f"{path}/timeline")).json["timeline"]
    stream, _ = await open_stream(
        nursery,
        client.app,
        f"{path}/stream?after_sequence=0",
        {"Last-Event-ID": str(seen[1]["sequence"])},
    )
    events = await stream.wait_events(1)
    assert [int(event["id"]) for event in events] == [seen[2]["sequence"]]
    nursery.cancel_scope.cancel()


async def test_a_bad_start_is_refused_before_the_stream(client):
    task = await client.created()
    path = f"/api/tasks/{task['id']}/stream"
    for last_seen in ("x", "-1", "1.5"):
        answered = await client.get(path, **{"Last-Event-ID": last_seen})
        assert (answered.status, answered.code) == (422, "invalid_request")
        assert answered.pointer == "Last-Event-ID"
    assert (await client.get(f"{path}?after_sequence=-1")).pointer == "?after_sequence"
    assert (await client.get("/api/tasks/task-none/stream")).status == 404
    head = await client.send("HEAD", path)
    assert head.headers["content-type"] == "text/event-stream"
    assert "content-length" not in head.headers  # nobody knows it


async def test_a_silent_stream_is_kept_alive_for_long(client, nursery, autojump_clock):
    task = await client.created()
    stream, _ = await open_stream(nursery, client.app, f"/api/tasks/{task['id']}/stream")
    started_at = trio.current_time()
    await stream.wait_chunks(2 + 10)
    assert 149 < trio.current_time() - started_at < 151
    assert set(stream.chunks[2:]) == {b": still here\n\n"}
    nursery.cancel_scope.cancel()


async def test_a_deleted_task_ends_its_stream(client, nursery):
    task = await client.created()
    stream, _ = await open_stream(nursery, client.app, f"/api/tasks/{task['id']}/stream")
    await stream.wait_events(1)
    await client.send("DELETE", f"/api/tasks/{task['id']}")
    await stream.ended.wait()
    last = stream.events[-1]
    assert last == {"event": "stream.closed", "data": '{"reason":"deleted"}'}


async def test_a_shutdown_ends_all_streams(system, client, nursery):
    task = await client.created()
    stream, _ = await open_stream(nursery, client.app, f"/api/tasks/{task['id']}/stream")
    await stream.wait_events(1)
    system.begin_stop()
    await stream.ended.wait()
    assert stream.events[-1] == {"event": "stream.closed", "data": '{"reason":"shutdown"}'}


async def test_the_transport_does_not_matter(system, client, nursery):
    task = await client.created()
    app = create_app(system, OriginKind.UDS)
    stream, _ = await open_stream(nursery, app, f"/api/tasks/{task['id']}/stream")
    assert checked((await stream.wait_events(1))[0])["timeline"]["origin"]["kind"] == "http"
    nursery.cancel_scope.cancel()


async def test_a_cursor_ahead_of_the_server_is_refused_with_the_newest_number(client, nursery):
    path = f"/api/tasks/{(await client.created())['id']}"
    newest = (await client.get(f"{path}/timeline")).json["timeline"][-1]["sequence"]
    for target, headers, pointer in (
        (f"{path}/stream?after_sequence={newest + 1}", {}, "?after_sequence"),
        (f"{path}/stream", {"Last-Event-ID": str(newest + 1)}, "Last-Event-ID"),
        (f"{path}/stream?after_sequence=1", {"Last-Event-ID": "9" * 18}, "Last-Event-ID"),
    ):
        stream, _ = await open_stream(nursery, client.app, target, headers)
        assert stream.status == 422
        told = json.loads(stream.chunks[0])["diagnostic"]
        assert told["code"] == "stream_cursor_ahead"
        assert told["evidence"] == {"newest": newest, "pointer": pointer}
    stream, _ = await open_stream(nursery, client.app, f"{path}/stream?after_sequence={newest}")
    assert stream.status == 200


async def test_a_stream_of_all_tasks_begins_now_and_goes_on_behind_the_last_number(
    system, client, nursery
):
    await client.created(id="before")
    before = system.views.newest_seq
    stream, hang_up = await open_stream(nursery, client.app, "/api/stream")
    assert stream.status == 200
    assert stream.chunks[0] == b"retry: 2000\nid: %d\n\n" % before
    assert stream.headers["content-type"] == "text/event-stream"
    await trio.testing.wait_all_tasks_blocked()
    for task_id in ("one", "other"):
        await client.created(id=task_id)
    events = [checked(event) for event in await stream.wait_events(2)]
    assert [data["timeline"]["task"]["id"] for data in events] == ["one", "other"]
    hang_up.cancel()
    await client.send("DELETE", "/api/tasks/one")
    await client.created(id="last")
    stream, _ = await open_stream(
        nursery,
        client.app,
        "/api/stream?after_sequence=0",
        headers={"Last-Event-ID": str(events[0]["sequence"])},
    )
    found = [checked(event) for event in await stream.wait_events(3)]
    assert [(data["type"], data["timeline"]["task"]["id"]) for data in found] == [
        ("task.created", "other"),
        ("task.deleted", "one"),
        ("task.created", "last"),
    ]


async def test_a_stream_of_a_scope_has_its_tasks_alone(client, nursery):
    workspace = (await client.post("/api/workspaces", {"root_dir": "/srv/shop"})).json["workspace"]
    stream, _ = await open_stream(
        nursery, client.app, f"/api/stream?scope=workspace&workspace={workspace['id']}"
    )
    await trio.testing.wait_all_tasks_blocked()
    await client.created(id="elsewhere")
    await client.created(id="here", scope="workspace", workspace=workspace["id"])
    [event] = await stream.wait_events(1)
    assert checked(event)["timeline"]["task"]["id"] == "here"


async def test_a_stream_of_all_tasks_that_cannot_go_on_is_refused(client, system, monkeypatch):
    for _ in range(3):
        await client.created()
    answered = await client.get("/api/stream?after_sequence=99")
    assert (answered.status, answered.code) == (422, "stream_cursor_ahead")
    assert "list the tasks again" in answered.json["error"]
    answered = await client.get("/api/stream?scope=workspace&workspace=nowhere")
    assert (answered.status, answered.code) == (404, "workspace_not_found")
    monkeypatch.setattr(limits, "STREAM_BEHIND_TASKS_MAX", 2)
    answered = await client.get("/api/stream?after_sequence=0")
    assert (answered.status, answered.code) == (409, "stream_cursor_behind")
    newest = system.views.newest_seq
    assert answered.json["diagnostic"]["evidence"]["newest"] == newest
    answered = await client.send("HEAD", f"/api/stream?after_sequence={newest}")
    assert answered.status == 200


async def test_an_event_is_encoded_once_for_all_who_follow_it(system, client, nursery, monkeypatch):
    await client.created(id="t1")
    encoded = []

    def noted(event, views):
        encoded.append(event.seq)
        return frame(event, views)

    frame = sse._frame
    monkeypatch.setattr(sse, "_frame", noted)
    behind = f"after_sequence={system.views.newest_seq}"
    paths = ["/api/stream", "/api/stream?scope=global", f"/api/tasks/t1/stream?{behind}"]
    streams = [(await open_stream(nursery, client.app, path))[0] for path in paths]
    await trio.testing.wait_all_tasks_blocked()
    encoded.clear()
    for title in "abc":
        await client.send("PATCH", "/api/tasks/t1", {"title": title})
    told = [await stream.wait_events(3) for stream in streams]
    assert [checked(event)["timeline"]["task"]["title"] for event in told[0]] == ["a", "b", "c"]
    assert told[0] == told[1] == told[2]
    assert encoded == [int(event["id"]) for event in told[0]]


async def test_no_more_frames_are_kept_than_somebody_may_still_want(client, nursery, monkeypatch):
    monkeypatch.setattr(sse, "STREAM_BUFFER_MAX", 4)
    monkeypatch.setattr(sse, "_frames", sse._Frames())
    stream, _ = await open_stream(nursery, client.app, "/api/stream?after_sequence=0")
    for number in range(9):
        await client.created(id=f"t{number}")
    events = [checked(event) for event in await stream.wait_events(9)]
    assert [data["timeline"]["task"]["id"] for data in events] == [f"t{n}" for n in range(9)]
    assert len(sse._frames._kept) == 4
