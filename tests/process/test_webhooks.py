"""Webhooks of a real server that is killed, stopped, or wrongly configured."""

import signal

import httpx
import pytest
import trio

from tests.edge.receiver import Receiver, answers, hangs, receiving

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


async def started(server, option: str) -> httpx.Client:
    return await trio.to_thread.run_sync(server.start, option)


async def delivered(client: httpx.Client, path: str) -> dict[str, object]:
    """The cursor, as soon as it has moved to a delivery."""
    with trio.fail_after(10):
        while True:
            answer = await trio.to_thread.run_sync(client.get, path)
            cursor = answer.json()["subscription"]["cursor"]
            if "last_delivery_id" in cursor:
                return cursor
            await trio.sleep(0.02)


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


def test_a_bridge_that_is_wrong_is_said_and_nothing_starts(server):
    option = configured(server, "nowhere")
    server.spawn(option)
    code, out, err = server.end()
    assert code == 78
    assert "[[bridges]] number 1: url: expected http://HOST/PATH or https://HOST/PATH" in err
    assert out == ""
    assert not server.data_dir.exists()
