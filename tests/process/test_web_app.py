"""What a browser needs of a server that its page was not loaded from."""

from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from chargehand.web.operations import Operation
from tests.contract.schemas import Contract
from tests.process.conftest import Server

ORIGIN: Final = "https://tasks.example"
FOREIGN: Final = "https://evil.example"
CONTRACT: Final = Contract()
CONTRACTED: Final = [
    known for known in Operation if CONTRACT.operation(known.method, known.path) is not None
]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """One for all of these tests."""
    made = Server(tmp_path_factory.mktemp("web-app"))
    yield made
    made.kill()


@pytest.fixture(scope="module")
def page(server: Server) -> Iterator[httpx.Client]:
    """The requests that a page of the allowed origin makes."""
    with server.start(f"--allowed-origins={ORIGIN}") as client:
        client.headers["Origin"] = ORIGIN
        yield client


def may_read(answered: httpx.Response) -> bool:
    """Whether the browser lets the page see the answer."""
    allowed = (
        answered.headers.get("access-control-allow-origin") == answered.request.headers["origin"]
    )
    return allowed and "Origin" in answered.headers["vary"]


def test_each_operation_passes_its_preflight(page):
    for operation in CONTRACTED:
        asked = {
            "Access-Control-Request-Method": operation.method,
            "Access-Control-Request-Headers": "content-type",
        }
        answered = page.options(operation.path, headers=asked)
        assert (answered.status_code, answered.content) == (204, b""), operation
        assert may_read(answered)
        assert operation.method in answered.headers["access-control-allow-methods"].split(", ")
        assert "Content-Type" in answered.headers["access-control-allow-headers"].split(", ")


def test_answers_and_refusals_are_readable(page):
    made = page.post("/api/tasks", json={"scope": "global", "title": "From a page"})
    assert (made.status_code, may_read(made)) == (201, True)
    task_id = made.json()["task"]["id"]
    for method, path, body, status in (
        ("GET", "/api/tasks?limit=1", None, 200),
        ("PATCH", f"/api/tasks/{task_id}", {"title": "Changed"}, 200),
        ("PUT", f"/api/tasks/{task_id}/execution-profile", {}, 200),
        ("POST", "/api/tasks", {"scope": "global"}, 422),
        ("POST", "/api/tasks", {"scope": "global", "title": "x" * 5_000_000}, 413),
        ("GET", "/api/tasks/none", None, 404),
        ("GET", "/api/nowhere", None, 404),
        ("PUT", "/api/tasks", None, 405),
        ("DELETE", f"/api/tasks/{task_id}", None, 204),
    ):
        answered = page.request(method, path, json=body)
        assert (answered.status_code, may_read(answered)) == (status, True), f"{method} {path}"


def test_the_headers_that_lists_and_streams_go_on_by_are_reported(page):
    for number in range(3):
        page.post("/api/tasks", json={"scope": "global", "title": f"task {number}"})
    answered = page.get("/api/tasks?limit=2")
    assert 'rel="next"' in answered.headers["link"]
    exposed = answered.headers["access-control-expose-headers"].split(", ")
    assert {"Link", "Last-Event-ID", "Retry-After"} <= set(exposed)


def test_a_stream_is_read_and_taken_up_again(page):
    made = page.post("/api/tasks", json={"scope": "global", "title": "Watched"})
    path = f"/api/tasks/{made.json()['task']['id']}/stream"
    preflight = {"Access-Control-Request-Headers": "last-event-id"}
    allowed = page.options(path, headers=preflight).headers["access-control-allow-headers"]
    assert "Last-Event-ID" in allowed
    with page.stream("GET", path, headers={"Accept": "text/event-stream"}) as stream:
        assert may_read(stream)
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        first = next(line for line in lines if line.startswith("id: "))
    page.post(f"{path.removesuffix('/stream')}/start")
    with page.stream("GET", path, headers={"Last-Event-ID": first.removeprefix("id: ")}) as stream:
        second = next(line for line in stream.iter_lines() if line.startswith("id: "))
    assert second != first


def test_pages_of_others_get_nothing(page):
    for method in ("GET", "POST", "OPTIONS"):
        answered = page.request(method, "/api/tasks", headers={"Origin": FOREIGN})
        assert answered.status_code == 403
        assert answered.json()["diagnostic"]["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in answered.headers


def test_options_without_a_page_lists_what_is_allowed(page):
    with httpx.Client(base_url=page.base_url) as client:
        answered = client.options("/api/tasks")
        assert set(answered.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
        assert "access-control-allow-origin" not in answered.headers


def test_the_head_of_a_stream_has_no_length(page):
    made = page.post("/api/tasks", json={"scope": "global", "title": "Watched"})
    answered = page.head(f"/api/tasks/{made.json()['task']['id']}/stream")
    assert answered.headers["content-type"] == "text/event-stream"
    assert "content-length" not in answered.headers
    assert page.head("/api/tasks").headers["content-length"] != "0"


def test_the_socket_knows_no_origins(server, page):
    transport = httpx.HTTPTransport(uds=str(server.report["socket"]))
    with httpx.Client(transport=transport, base_url="http://unix") as client:
        answered = client.get("/api/tasks", headers={"Origin": FOREIGN})
        assert answered.status_code == 200
        assert "access-control-allow-origin" not in answered.headers
