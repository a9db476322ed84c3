"""Webhooks that could not be delivered are listed with their task, and sent again from there."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, final

import pytest
from playwright.sync_api import expect

from tests.page.town import Town
from tests.process.conftest import S_MAX


@final
class Receiver:
    """A receiver of webhooks that refuses them until it is mended."""

    def __init__(self) -> None:
        self.is_mended = threading.Event()
        self.taken: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                is_mended = receiver.is_mended.is_set()
                if is_mended:
                    receiver.taken.append(self.headers["webhook-id"])
                self.send_response(204 if is_mended else 500)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.fixture(scope="module")
def server_options(receiver, tmp_path_factory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("webhooks") / "chargehand.toml"
    path.write_text(f'[[bridges]]\nid = "ops"\nurl = "{receiver.url}"\nsecret = "s3cret"\n')
    return (f"--config={path}", "--delivery-s=0.2")


def until(town: Town, path: str, holds: Callable[[Any], bool]) -> None:
    """Wait until what the server answers is so: no event is about a message."""
    deadline_s = time.monotonic() + S_MAX
    while not holds(town.call("GET", path)):
        assert time.monotonic() < deadline_s, f"{path} never holds it"
        time.sleep(0.05)


def test_what_was_not_delivered_is_sent_again(api, receiver, open_page):
    town = Town(api)
    task_id = town.create("Is reported elsewhere")
    bridge = {"bridge_instance_id": "ops", "delivery_mode": "direct-send", "peer_id": "p"}
    town.post(f"/api/tasks/{task_id}/notifications/bridges", bridge)
    town.post(f"/api/tasks/{task_id}/cancel", {"reason": "not needed"})
    page = open_page(f"task?id={task_id}&tab=webhooks")
    missed = page.main.get_by_role("heading", name="1 message not delivered")
    until(town, f"/api/tasks/{task_id}/notifications/undelivered", lambda body: body["messages"])
    page.page.reload()
    expect(missed).to_be_visible()
    expect(page.main).to_contain_text("answered 500 Internal Server Error")
    receiver.is_mended.set()
    page.main.get_by_role("button", name="Send again").click()
    page.dialog.get_by_role("button", name="Send again").click()
    page.said("They are sent again.")
    expect(missed).to_have_count(0)
    until(
        town,
        f"/api/tasks/{task_id}/notifications/bridges",
        lambda body: "last_delivery_id" in body["subscriptions"][0]["cursor"],
    )
    assert len(receiver.taken) == 1
