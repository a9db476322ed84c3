"""Subscriptions over HTTP: made, changed, listed, deleted, and how far they were told."""

import base64

import pytest
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.bridges.bridge import Bridge, Gone, Undelivered
from chargehand.actors.bridges.message import Message
from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.task.state import Scope
from chargehand.persistence.opening import memory_journal
from chargehand.web.app import create_app
from tests.web.client import ContractClient

OPS = {"bridge_instance_id": "ops", "delivery_mode": "direct-send", "peer_id": "p"}


class Receiver:
    """Where the bridge leads."""

    def __init__(self) -> None:
        self.down = False
        self.gone = False
        self.taken: list[Message] = []

    async def send(self, message: Message) -> None:
        if self.gone:
            raise Gone("answered 410 Gone")
        if self.down:
            raise Undelivered("answered 500 Internal Server Error")
        self.taken.append(message)


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
async def system(receiver):
    bridges = [
        Bridge("ops", Scope.GLOBAL, None, receiver.send),
        Bridge("chat", Scope.GLOBAL, None, receiver.send),
        Bridge("shop", Scope.WORKSPACE, "/srv/shop", receiver.send),
    ]
    async with run_system(memory_journal(), bridges=bridges) as system:
        yield system


@pytest.fixture
async def client(system):
    return ContractClient(create_app(system, OriginKind.HTTP))


@pytest.fixture
async def path(client):
    task = await client.created(id="task-1")
    return f"/api/tasks/{task['id']}/notifications/bridges"


async def subscribed(client, path, **fields):
    answered = await client.post(path, {**OPS, **fields})
    assert answered.status == 201, answered.body
    return answered.json["subscription"]


async def test_a_new_one_is_shown_as_it_is(client, path):
    made = await subscribed(client, path, thread_id=" t ", group_id="", scope="")
    assert made["subscription_id"].startswith("bts-")
    assert made["cursor"] == {
        "consumer_id": f"bridge_task_subscription:{made['subscription_id']}",
        "stream_name": "task_events",
        "subject_id": "task-1",
        "last_sequence": made["cursor"]["last_sequence"],
    }
    assert made == {
        "subscription_id": made["subscription_id"],
        "task_id": "task-1",
        "bridge_instance_id": "ops",
        "scope": "global",
        "delivery_mode": "direct-send",
        "peer_id": "p",
        "thread_id": "t",
        "cursor": made["cursor"],
        "created_by": {"kind": "human", "ref": "local-user"},
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert (await client.get(f"{path}/{made['subscription_id']}")).json["subscription"] == made


@pytest.mark.parametrize(
    ("sent", "mode"),
    [
        ("direct", "direct-send"),
        ("direct_send", "direct-send"),
        ("send", "direct-send"),
        (" Direct-Send ", "direct-send"),
        ("reply-send", "reply"),
        ("reply_send", "reply"),
        ("reply", "reply"),
    ],
)
async def test_modes_have_other_names_too(client, path, sent, mode):
    assert (await subscribed(client, path, delivery_mode=sent))["delivery_mode"] == mode


async def test_a_known_id_is_changed_and_still_created(client, path):
    before = await subscribed(client, path, subscription_id="mine", thread_id="t")
    after = await subscribed(
        client, path, subscription_id="mine", bridge_instance_id="chat", peer_id="q"
    )
    assert (after["bridge_instance_id"], after["peer_id"]) == ("chat", "q")
    assert "thread_id" not in after
    assert after["created_at"] == before["created_at"]
    assert after["cursor"] == before["cursor"]
    assert after["updated_at"] > before["updated_at"]


async def test_a_workspace_task_is_served_by_a_bridge_of_its_workspace(client):
    workspace = await client.post("/api/workspaces", {"root_dir": "/srv/shop"})
    workspace_id = workspace.json["workspace"]["id"]
    await client.created(id="here", scope="workspace", workspace="/srv/shop")
    path = "/api/tasks/here/notifications/bridges"
    made = await subscribed(client, path, bridge_instance_id="shop")
    assert (made["scope"], made["workspace_id"]) == ("workspace", workspace_id)
    place = {"scope": "workspace", "workspace_id": workspace_id}
    await subscribed(client, path, bridge_instance_id="shop", **place)
    wrong = {"scope": "workspace", "workspace_id": "/srv/shop"}
    refused = await client.post(path, {**OPS, "bridge_instance_id": "shop", **wrong})
    assert (refused.status, refused.pointer) == (400, "/workspace_id")
    refused = await client.post(path, OPS)
    assert (refused.status, refused.pointer) == (400, "/bridge_instance_id")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"bridge_instance_id": None}, "/bridge_instance_id"),
        ({"bridge_instance_id": " "}, "/bridge_instance_id"),
        ({"delivery_mode": None}, "/delivery_mode"),
        ({"delivery_mode": "pigeon"}, "/delivery_mode"),
        ({"peer_id": None}, "/peer_id"),
        ({"peer_id": None, "thread_id": "t"}, "/peer_id"),
        ({"peer_id": 1}, "/peer_id"),
        ({"scope": "workspace"}, "/scope"),
        ({"scope": "world"}, "/scope"),
        ({"subscription_id": "a b"}, "/subscription_id"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(client, path, changes, pointer):
    refused = await client.post(path, {**OPS, **changes})
    assert (refused.status, refused.pointer) == (400, pointer)
    assert (await client.get(path)).json == {"subscriptions": []}


async def test_a_task_that_is_not_there_is_said_before_anything_of_the_body(client):
    refused = await client.post("/api/tasks/task-none/notifications/bridges", b"{")
    assert (refused.status, refused.code) == (404, "task_not_found")


async def test_an_id_of_another_task_is_refused(client, path):
    await subscribed(client, path, subscription_id="mine")
    await client.created(id="task-2")
    other = "/api/tasks/task-2/notifications/bridges"
    refused = await client.post(other, {**OPS, "subscription_id": "mine"})
    assert (refused.status, refused.pointer) == (400, "/subscription_id")
    for method in ("GET", "DELETE"):
        answered = await client.send(method, f"{other}/mine")
        assert (answered.status, answered.code) == (404, "bridge_subscription_not_found")


async def ids(client, target):
    answered = await client.get(target)
    assert answered.status == 200, answered.body
    return [one["subscription_id"] for one in answered.json["subscriptions"]]


async def test_a_list_begins_with_what_was_changed_last(client, path):
    for name in ("a", "b", "c"):
        await subscribed(client, path, subscription_id=name)
    await subscribed(client, path, subscription_id="a", bridge_instance_id="chat")
    assert await ids(client, path) == ["a", "c", "b"]
    assert await ids(client, f"{path}?bridge_instance_id=ops") == ["c", "b"]
    assert await ids(client, f"{path}?scope=global&limit=0") == ["a", "c", "b"]
    assert await ids(client, f"{path}?scope=workspace") == []
    assert await ids(client, f"{path}?workspace_id=ws_1") == []


async def test_a_list_goes_on_by_its_link(client, path):
    for name in ("a", "b", "c"):
        await subscribed(client, path, subscription_id=name)
    seen, target = [], f"{path}?limit=2"
    for _ in range(2):
        answered = await client.get(target)
        seen.append([one["subscription_id"] for one in answered.json["subscriptions"]])
        target = answered.headers.get("link", "").partition("<")[2].partition(">")[0]
    assert seen == [["c", "b"], ["a"]]
    assert target == ""


async def test_what_is_there_while_pages_are_read_is_shown_once(client, path):
    for name in "abcdef":
        await subscribed(client, path, subscription_id=name)
    seen, target = [], f"{path}?limit=2"
    while target:
        answered = await client.get(target)
        seen.append([one["subscription_id"] for one in answered.json["subscriptions"]])
        target = answered.headers.get("link", "").partition("<")[2].partition(">")[0]
        if len(seen) == 1:
            for name in "fafb":  # one that was shown, and some that were not, more than once
                await subscribed(client, path, subscription_id=name)
            await client.send("DELETE", f"{path}/d")
        if len(seen) == 2:
            await subscribed(client, path, subscription_id="new")
    assert seen == [["f", "e"], ["b", "a"], ["new", "c"]]


def token(cursor: str) -> str:
    return base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")


async def test_a_cursor_of_before_walks_were_kept_goes_on_behind_it(client, path, system):
    for name in "abcdef":
        await subscribed(client, path, subscription_id=name)
    second = system.views.get("task-1").subscription("e")
    cursor = token(f"{second.updated_at_ns}.e")
    assert await ids(client, f"{path}?limit=3&cursor={cursor}") == ["d", "c", "b"]


@pytest.mark.parametrize(
    "query",
    [
        *("limit=x", "limit=-1", "scope=world", "cursor=!", "cursor=eA"),
        f"cursor={token('shown.x')}",
        f"cursor={token('shown.0123456789ab.')}",
        f"cursor={token('1' * 5000)}",
    ],
)
async def test_a_parameter_that_is_wrong_is_named(client, path, query):
    refused = await client.get(f"{path}?{query}")
    assert (refused.status, refused.pointer) == (400, f"?{query.partition('=')[0]}")


async def test_one_that_is_deleted_is_gone(client, path):
    await subscribed(client, path, subscription_id="mine")
    assert (await client.send("DELETE", f"{path}/mine")).status == 204
    assert (await client.get(f"{path}/mine")).status == 404
    assert (await client.send("DELETE", f"{path}/mine")).status == 404
    assert await ids(client, path) == []


async def test_the_cursor_says_how_it_went(client, path, receiver):
    made = await subscribed(client, path, subscription_id="mine")
    receiver.down = True
    await client.post("/api/tasks/task-1/cancel")
    await wait_all_tasks_blocked()
    cursor = (await client.get(f"{path}/mine")).json["subscription"]["cursor"]
    assert cursor["last_error"] == "answered 500 Internal Server Error"
    assert cursor["last_sequence"] == made["cursor"]["last_sequence"]
    assert "updated_at" in cursor
    assert not {"last_delivery_id", "last_delivered_at"} & cursor.keys()
    receiver.down = False
    await subscribed(client, path, subscription_id="mine")
    await wait_all_tasks_blocked()
    cursor = (await client.get(f"{path}/mine")).json["subscription"]["cursor"]
    [message] = receiver.taken
    assert cursor["last_sequence"] == message.seq
    assert cursor["last_delivery_id"] == message.delivery_id
    assert cursor["last_delivered_at"] == cursor["updated_at"]
    assert "last_error" not in cursor


# --- what could not be delivered ---------------------------------------------------------------

UNDELIVERED = "/api/tasks/task-1/notifications/undelivered"


@pytest.fixture
async def missed(client, path, receiver):
    """Two subscriptions whose receiver was gone at two ends; the delivery ids of all."""
    await subscribed(client, path, subscription_id="a")
    await subscribed(client, path, subscription_id="b:1", bridge_instance_id="chat")
    receiver.gone = True
    for _ in range(2):
        run = (await client.post("/api/tasks/task-1/runs", {})).json["run"]
        assert (await client.post(f"/api/task-runs/{run['id']}/cancel", {})).status == 200
        await wait_all_tasks_blocked()
    receiver.gone = False
    listed = (await client.get(UNDELIVERED)).json["messages"]
    return [message["delivery_id"] for message in listed]


async def test_one_whose_receiver_is_gone_is_shown_as_off(client, path, missed):
    shown = (await client.get(f"{path}/a")).json["subscription"]
    assert shown["undelivered"] == 2
    assert shown["off_since"] == shown["cursor"]["updated_at"]
    assert shown["cursor"]["last_error"] == "answered 410 Gone"
    assert "undelivered_dropped" not in shown
    again = await subscribed(client, path, subscription_id="a")
    assert "off_since" not in again
    assert again["undelivered"] == 2


async def test_what_it_missed_is_listed_in_order_with_the_reason(client, missed):
    listed = (await client.get(UNDELIVERED)).json
    assert listed["dropped"] == 0
    numbers = [message["sequence"] for message in listed["messages"]]
    assert numbers == sorted(numbers)
    first = listed["messages"][0]
    assert first == {
        "delivery_id": f"notif:a:{numbers[0]}",
        "subscription_id": "a",
        "bridge_instance_id": "ops",
        "sequence": numbers[0],
        "error": "answered 410 Gone",
        "undelivered_at": first["undelivered_at"],
    }


async def test_it_is_listed_by_subscription_by_bridge_and_in_pages(client, missed):
    of_a = (await client.get(f"{UNDELIVERED}?subscription_id=a")).json["messages"]
    of_chat = (await client.get(f"{UNDELIVERED}?bridge_instance_id=chat")).json["messages"]
    assert [m["delivery_id"] for m in of_a] == [m for m in missed if m.startswith("notif:a:")]
    assert {m["subscription_id"] for m in of_chat} == {"b:1"}
    seen, target = [], f"{UNDELIVERED}?limit=1"
    while target:
        answered = await client.get(target)
        seen += [message["delivery_id"] for message in answered.json["messages"]]
        link = answered.headers.get("link", "")
        target = link.partition("<")[2].partition(">")[0]
    assert seen == missed
    unknown = await client.get(f"{UNDELIVERED}?subscription_id=none")
    assert (unknown.status, unknown.code) == (404, "bridge_subscription_not_found")
    for bad in ("limit=-1", "limit=x", "cursor=x", "cursor=eC4x", f"cursor={token('1' * 5000)}"):
        assert (await client.get(f"{UNDELIVERED}?{bad}")).status == 400


async def test_one_message_or_all_are_sent_again_under_their_ids(client, path, missed, receiver):
    for subscription_id, bridge_id in (("a", "ops"), ("b:1", "chat")):
        one = {"subscription_id": subscription_id, "bridge_instance_id": bridge_id}
        await subscribed(client, path, **one)

    async def sent(body=b""):
        """Due and undelivered, of each subscription that is shown."""
        answered = await client.post(f"{UNDELIVERED}/resend", body)
        assert answered.status == 200, answered.body
        return {
            shown["subscription_id"]: (shown.get("due", 0), shown.get("undelivered", 0))
            for shown in answered.json["subscriptions"]
        }

    assert await sent({"delivery_id": missed[3]}) == {"b:1": (1, 1)}
    await wait_all_tasks_blocked()
    assert await sent({"subscription_id": "b:1"}) == {"b:1": (1, 0)}
    await wait_all_tasks_blocked()
    assert await sent() == {"a": (2, 0), "b:1": (0, 0)}
    await wait_all_tasks_blocked()
    assert await sent({}) == {"a": (0, 0), "b:1": (0, 0)}
    assert sorted(message.delivery_id for message in receiver.taken) == sorted(missed)
    assert (await client.get(UNDELIVERED)).json["messages"] == []


async def test_what_cannot_be_sent_again_is_refused_with_the_next_step(client, missed):
    async def refused(body):
        answered = await client.post(f"{UNDELIVERED}/resend", body)
        return answered.status, answered.code

    assert await refused({"delivery_id": missed[0]}) == (409, "bridge_subscription_off")
    assert await refused({}) == (409, "bridge_subscription_off")
    for unknown in ("notif:a:1", "notif:a:x", "notif:5", "a:5", "notif:a:" + "9" * 30):
        assert await refused({"delivery_id": unknown}) == (404, "bridge_message_not_found")
    assert await refused({"subscription_id": "c"}) == (404, "bridge_subscription_not_found")
    both = {"delivery_id": missed[0], "subscription_id": "b:1"}
    assert await refused(both) == (400, "invalid_request")
    assert await refused({"delivery_id": 7}) == (400, "invalid_request")
