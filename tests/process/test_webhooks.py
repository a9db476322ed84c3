"""Webhooks of a real server that is killed, stopped, or wrongly configured."""

import signal

import httpx
import pytest
import trio

from tests.edge.receiver import Receiver, answers, hangs, receiving
from tests.process.conftest import S_MAX

BRIDGE = {"bridge_instance_id": "ops", "delivery_mode": "direct-send", "peer_id": "p"}


def configured(server, url: str) -> str:
    """The option that names a file with a bridge to `url`."""
    path = server.directory / "chargehand.toml"
    path.write_text(
        f'[[bridges]]\nid = "ops"\nurl = "{url}"\nsecret = "s3cret"\ntimeout_seconds = 60\n',
        encoding="utf-8",
    )
    return f"--config={path}"


def subscribed(client: httpx.Client) -> str:
    """A new task with a subscriber, canceled; the path of the subscription."""
    created = client.post("/api/tasks", json={"scope": "global", "title": "work"})
    path = f"/api/tasks/{created.json()['task']['id']}"
    body = {**BRIDGE, "subscription_id": "sub"}
    made = client.post(f"{path}/notifications/bridges", json=body)
    assert made.status_code == 201, made.text
    assert client.post(f"{path}/cancel").status_code == 200
    return f"{path}/notifications/bridges/sub"


async def started(server, *options: str) -> httpx.Client:
    return await trio.to_thread.run_sync(server.start, *options)


async def delivered(client: httpx.Client, path: str) -> dict[str, object]:
    """The cursor, as soon as it has moved to a delivery."""
    with trio.fail_after(S_MAX):
        while True:
            answer = await trio.to_thread.run_sync(client.get, path)
            cursor = answer.json()["subscription"]["cursor"]
            if "last_delivery_id" in cursor:
                return cursor
            await trio.sleep(0.02)


async def undelivered(client: httpx.Client, path: str) -> list[dict[str, object]]:
    """Of the subscription's task, as soon as there are any."""
    task = path.partition("/notifications/")[0]
    with trio.fail_after(S_MAX):
        while True:
            answer = await trio.to_thread.run_sync(client.get, f"{task}/notifications/undelivered")
            messages: list[dict[str, object]] = answer.json()["messages"]
            if messages:
                return messages
            await trio.sleep(0.02)


async def resend(client: httpx.Client, path: str) -> None:
    task = path.partition("/notifications/")[0]

    def post() -> None:
        answer = client.post(f"{task}/notifications/undelivered/resend")
        assert answer.status_code == 200, answer.text

    await trio.to_thread.run_sync(post)


async def interrupted(server, receiver: Receiver, how: signal.Signals) -> tuple[str, int]:
    """A server that is ended while a message is on its way; path of the subscription, exit code."""
    option = configured(server, receiver.url)
    client = await started(server, option)
    path = await trio.to_thread.run_sync(subscribed, client)
    await receiver.wait_for(1)
    server.signal(how)
    code, _, err = await trio.to_thread.run_sync(server.end)
    assert "Traceback" not in err
    client.close()
    return path, code


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_what_was_sent_and_not_noted_comes_again_under_the_same_id(server, how):
    async with receiving() as receiver:
        receiver.moods.append(hangs)
        path, code = await interrupted(server, receiver, how)
        assert code == (0 if how is signal.SIGTERM else -how)
        client = await started(server, configured(server, receiver.url))
        first, second = await receiver.wait_for(2)
        assert first.id == second.id
        assert first.body == second.body
        cursor = await delivered(client, path)
        assert cursor["last_delivery_id"] == second.id
        assert cursor["last_sequence"] == second.json["seq"]
        client.close()


async def test_one_that_was_down_over_a_restart_gets_it_when_it_is_back(server):
    async with receiving() as receiver:
        receiver.usual = answers(500)
        path, _ = await interrupted(server, receiver, signal.SIGKILL)
        port = receiver.port
    client = await started(server, configured(server, receiver.url))
    shown = (await trio.to_thread.run_sync(client.get, path)).json()["subscription"]
    assert "last_delivery_id" not in shown["cursor"]
    async with receiving(port) as receiver:
        await receiver.wait_for(1)
        assert (await delivered(client, path))["last_delivery_id"] == receiver.requests[0].id
    client.close()


async def test_one_that_wants_no_more_is_left_alone_over_a_kill_until_it_is_set_again(server):
    async with receiving() as receiver:
        receiver.moods.append(answers(410))
        option = configured(server, receiver.url)
        client = await started(server, option)
        path = await trio.to_thread.run_sync(subscribed, client)
        [missed] = await undelivered(client, path)
        server.signal(signal.SIGKILL)
        await trio.to_thread.run_sync(server.end)
        client.close()

        client = await started(server, option)
        shown = (await trio.to_thread.run_sync(client.get, path)).json()["subscription"]
        assert "off_since" in shown
        assert (await undelivered(client, path)) == [missed]
        body = {**BRIDGE, "subscription_id": "sub"}
        parent = path.removesuffix("/sub")
        again = await trio.to_thread.run_sync(lambda: client.post(parent, json=body))
        assert "off_since" not in again.json()["subscription"]
        assert len(receiver.requests) == 1
        await resend(client, path)
        assert (await delivered(client, path))["last_delivery_id"] == missed["delivery_id"]
        assert [request.id for request in receiver.requests] == [missed["delivery_id"]] * 2
        client.close()


async def test_what_was_tried_for_its_time_is_listed_over_a_kill_and_can_be_sent_again(server):
    async with receiving() as receiver:
        receiver.usual = answers(500)
        options = (configured(server, receiver.url), "--delivery-s=0.5")
        client = await started(server, *options)
        path = await trio.to_thread.run_sync(subscribed, client)
        [missed] = await undelivered(client, path)
        assert missed["error"] == "answered 500 Internal Server Error"
        server.signal(signal.SIGKILL)
        await trio.to_thread.run_sync(server.end)
        client.close()

        client = await started(server, *options)
        assert await undelivered(client, path) == [missed]
        receiver.usual = answers(204)
        await resend(client, path)
        assert (await delivered(client, path))["last_delivery_id"] == missed["delivery_id"]
        client.close()


def test_a_bridge_that_is_wrong_is_said_and_nothing_starts(server):
    option = configured(server, "nowhere")
    server.spawn(option)
    code, out, err = server.end()
    assert code == 78
    assert "[[bridges]] number 1: url: expected http://HOST/PATH or https://HOST/PATH" in err
    assert out == ""
    assert not server.data_dir.exists()
