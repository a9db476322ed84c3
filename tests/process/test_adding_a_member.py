"""A new member of a task is what `docs/adding-a-member.md` says, and works from end to end."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chargehand.web.headers import IGNORED_HEADER
from tests.process.conftest import ROOT, S_MAX, Server

DOCUMENT = ROOT / "docs" / "adding-a-member.md"


@pytest.fixture
def changed(tmp_path) -> Path:
    """A copy of the program with the change of the document."""
    copy = tmp_path / "changed"
    for folder in ("actors", "persistence", "web", "chargehand"):
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=left_out)
    text = DOCUMENT.read_text(encoding="utf-8")
    [diff] = re.findall(r"```diff\n(.*?)```", text, re.DOTALL)
    for change in diff.split("diff --git ")[1:]:
        [path] = re.findall(r"^\+\+\+ b/(.+)$", change, re.MULTILINE)
        for hunk in re.split(r"^@@.*\n", change, flags=re.MULTILINE)[1:]:
            _apply(copy / path, hunk.splitlines(keepends=True))
    return copy


def _apply(path: Path, hunk: list[str]) -> None:
    former = "".join(line[1:] or line for line in hunk if not line.startswith("+"))
    new = "".join(line[1:] or line for line in hunk if not line.startswith("-"))
    source = path.read_text(encoding="utf-8")
    assert source.count(former) == 1, f"{DOCUMENT.name} does not fit {path.name} any more"
    path.write_text(source.replace(former, new), encoding="utf-8")


def stop(server: Server) -> None:
    server.signal(signal.SIGTERM)
    assert server.end()[0] == 0


def test_a_member_is_added_by_what_the_document_shows(tmp_path, server, changed):
    with server.start() as former:
        ignored = former.post("/api/tasks", json={**_TASK, "id": "old", "estimate": "1 day"})
        assert ignored.headers[IGNORED_HEADER] == "/estimate"
    stop(server)

    server.root = changed
    with server.start() as client:
        assert "estimate" not in client.get("/api/tasks/old").json()["task"]["task"]
        made = client.post("/api/tasks", json={**_TASK, "id": "new", "estimate": " 2 days "})
        assert made.headers.get(IGNORED_HEADER) is None
        assert made.json()["task"]["estimate"] == "2 days"

        patched = client.patch("/api/tasks/old", json={"estimate": "a week"}).json()["task"]
        assert patched["estimate"] == "a week"
        client.patch("/api/tasks/old", json={"priority": "high"})  # leaves it
        refused = client.patch("/api/tasks/new", json={"estimate": "x" * 1000})
        assert refused.status_code == 422
        assert "/estimate is longer than" in refused.json()["error"]
        refused = client.post("/api/tasks", json={**_TASK, "estimate": 2})
        assert "/estimate must be a string" in refused.json()["error"]

        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        for name in ("CreateTaskRequest", "UpdateTaskRequest", "Task", "TaskSummary"):
            text = schemas[name]["properties"]["estimate"]["description"]
            assert text == "How long it is thought to take, in words."

        said = cli(server, changed, "task", "create", "Third", "--id=third", "--estimate=3 days")
        assert said["task"]["estimate"] == "3 days"
    stop(server)  # writes snapshots

    with server.start() as client:
        for task_id, estimate in (("old", "a week"), ("new", "2 days"), ("third", "3 days")):
            detail = client.get(f"/api/tasks/{task_id}").json()["task"]
            assert detail["task"]["estimate"] == detail["summary"]["estimate"] == estimate
        event = client.get("/api/tasks/old").json()["task"]["events"][0]
        assert event["payload"]["changed_fields"] == ["priority"]
        cleared = client.patch("/api/tasks/old", json={"estimate": ""}).json()["task"]
        assert "estimate" not in cleared
    server.kill()  # replays the log

    with server.start() as client:
        assert "estimate" not in client.get("/api/tasks/old").json()["task"]["task"]
        client.delete("/api/tasks/new")
        assert client.get("/api/tasks/third").json()["task"]["task"]["estimate"] == "3 days"


_TASK = {"scope": "global", "title": "A task"}


def cli(server: Server, program: Path, *words: str) -> dict[str, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "chargehand", *words, "--json", "--url", str(server.report["http"])],
        cwd=program,
        capture_output=True,
        text=True,
        timeout=S_MAX,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, dict[str, object]] = json.loads(done.stdout)
    return answer
