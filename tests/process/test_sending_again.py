"""A server that is killed between its answer and the reader of it, and the same request again."""

import json
import select
import socket

import httpx
import pytest

from tests.process.conftest import S_MAX

KEY = {"Idempotency-Key": "11111111-2222-4333-8444-555555555555"}
TASK = {"scope": "global", "title": "Once"}


def written(server, method: str, path: str, body: object) -> None:
    """Send a request by hand, and kill the server once its answer is here, unread."""
    url = httpx.URL(str(server.report["http"]))
    raw = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in KEY.items())
    head += f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    with socket.create_connection((url.host, url.port), timeout=S_MAX) as connection:
        connection.sendall(head.encode() + raw)
        readable, _, _ = select.select([connection], [], [], S_MAX)
        assert readable, "no answer in time"
        server.kill()


@pytest.mark.parametrize("kills", [1, 2])
def test_a_task_is_made_once_however_often_its_answer_is_lost(server, kills):
    for _ in range(kills):
        server.start().close()
        written(server, "POST", "/api/tasks", TASK)
    with server.start() as client:
        again = client.post("/api/tasks", json=TASK, headers=KEY)
        assert again.status_code == 201
        [task] = client.get("/api/tasks").json()["tasks"]
        assert task["id"] == again.json()["task"]["id"]
        refused = client.post("/api/tasks", json={**TASK, "title": "x"}, headers=KEY)
        assert (refused.status_code, refused.json()["diagnostic"]["code"]) == (
            409,
            "idempotency_key_reused",
        )


def test_a_deletion_and_a_retry_are_done_once(server):
    with server.start() as client:
        doomed = client.post("/api/tasks", json=TASK).json()["task"]["id"]
        tried = client.post("/api/tasks", json=TASK).json()["task"]["id"]
        run = client.post(f"/api/tasks/{tried}/start").json()["run"]["id"]
        client.post(f"/api/task-runs/{run}/cancel")
    written(server, "DELETE", f"/api/tasks/{doomed}", {})
    retry = {"Idempotency-Key": "retry"}
    with server.start() as client:
        assert client.delete(f"/api/tasks/{doomed}", headers=KEY).status_code == 204
        first = client.post(f"/api/runs/{run}/retry", json={}, headers=retry)
    server.kill()
    with server.start() as client:
        again = client.post(f"/api/runs/{run}/retry", json={}, headers=retry)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json()["run"]["id"] == first.json()["run"]["id"]
        assert len(client.get(f"/api/tasks/{tried}/runs").json()["runs"]) == 2
