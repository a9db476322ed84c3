"""Where redirects may lead, and what counts as an acknowledgment."""

import pytest

from chargehand.actors.bridges.bridge import Undelivered
from chargehand.actors.bridges.message import Message
from chargehand.actors.identity import LOCAL_USER
from chargehand.actors.task.events import TaskCanceled
from chargehand.actors.task.state import Scope, TaskStatus
from chargehand.actors.task.subscription import Cursor, DeliveryMode, Subscription, Target
from chargehand.web.bridges.post import check_acknowledgment, redirected

TARGET = Target(DeliveryMode.REPLY, peer_id="p")
SUBSCRIPTION = Subscription("sub", "ops", TARGET, LOCAL_USER, 1, 1, Cursor(3), (7,))
MESSAGE = Message(
    SUBSCRIPTION, "task-1", Scope.GLOBAL, None, 7, TaskCanceled(), TaskStatus.CANCELED
)


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("http://h/a", "/b?c", "http://h/b?c"),
        ("http://h/a/", "b", "http://h/a/b"),
        ("http://h/a", "http://H:80/b", "http://H:80/b"),
        ("http://h:81/a", "http://h:81/b", "http://h:81/b"),
        ("http://h/a", "https://h/a", "https://h/a"),
        ("https://h/a", "//h/b", "https://h/b"),
    ],
)
def test_on_the_same_host_it_is_followed(url, location, target):
    assert redirected(url, location) == target


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("http://h/a", ""),
        ("http://h/a", "http://other/a"),
        ("http://h/a", "//other/a"),
        ("http://h/a", "http://h@other/a"),
        ("http://h/a", "http://h.other/a"),
        ("http://h/a", "http://h:81/a"),
        ("https://h/a", "http://h/a"),
        ("http://h/a", "file:///etc/passwd"),
        ("http://h/a", "ftp://h/a"),
        ("http://h/a", "http://[::1/"),
        ("http://h/a", "http://h:x/"),
    ],
)
def test_to_anywhere_else_it_is_refused(url, location):
    with pytest.raises(Undelivered, match="redirects to"):
        redirected(url, location)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"ok",
        b"[1]",
        b"{}",
        b'{"remote_message_id": "m"}',
        b'{"delivery_id": "notif:sub:7", "seq": 7}',
        b'{"delivery_id": null}',
    ],
)
def test_an_answer_that_names_no_other_delivery_is_an_acknowledgment(answer):
    check_acknowledgment(MESSAGE, answer)


@pytest.mark.parametrize("answer", [b'{"delivery_id": "notif:sub:6"}', b'{"seq": 8}'])
def test_one_that_names_another_is_none(answer):
    with pytest.raises(Undelivered, match="acknowledged another"):
        check_acknowledgment(MESSAGE, answer)
