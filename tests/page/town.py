"""A small town of tasks: something in every state that a page can meet."""

import time
from typing import Any, Final, final

import httpx
from attrs import define, field

from tests.process.conftest import S_MAX

HTML_TITLE: Final = "<img src=x onerror=alert(1)><script>alert(2)</script>"
RTL_TITLE: Final = "مهمة \u202egnorw si siht\u202c של עברית"
EMOJI_TITLE: Final = "👩‍👩‍👧‍👦🏳️‍🌈 é\u0301 " * 20
LONG_TITLE: Final = "W" * 500
"""As long as a title may be, without a place to break it."""
HOSTILE: Final = (HTML_TITLE, RTL_TITLE, EMOJI_TITLE.strip(), LONG_TITLE)
LARGE_NUMBER: Final = "9007199254740993"
TREE_SIZE: Final = 250


class Refused(Exception):
    """The server did not do it."""


@final
@define
class Town:
    """Ids by name."""

    api: httpx.Client
    tasks: dict[str, str] = field(factory=dict)
    runs: dict[str, str] = field(factory=dict)
    sessions: int = 0

    def address(self, view: str) -> str:
        """The address of a view in which `task:` or `run:` stands before a name, at its end."""
        for kind, ids in (("task:", self.tasks), ("run:", self.runs)):
            before, mark, name = view.partition(kind)
            if mark:
                return before + ids[name]
        return view

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """What a good answer holds."""
        answered = self.api.request(method, path, json=body, headers=headers)
        if answered.status_code >= 300:
            raise Refused(f"{method} {path}: {answered.text}")
        return answered.json() if answered.content else None

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, {} if body is None else body, **headers)

    def create(self, title: str, **members: Any) -> str:
        """The id of a new task."""
        task: dict[str, Any] = self.post(
            "/api/tasks", {"scope": "global", "title": title, **members}
        )["task"]
        self.tasks[title] = task["id"]
        return str(task["id"])

    def start(self, task_id: str) -> str:
        """The id of its run, which is queued."""
        return str(self.post(f"/api/tasks/{task_id}/start")["run"]["id"])

    def queued(self, title: str, **members: Any) -> str:
        """The id of the queued run of a new task."""
        run_id = self.runs[title] = self.start(self.create(title, **members))
        return run_id

    def held(self, run_id: str) -> str:
        """Have an operator claim and start the run, without a lease."""
        self.post(f"/api/task-runs/{run_id}/claim")
        self.post(f"/api/task-runs/{run_id}/start")
        return run_id

    def completed(self, run_id: str, result: Any = None) -> str:
        self.post(f"/api/task-runs/{self.held(run_id)}/complete", {"result": result})
        return run_id

    def failed(self, run_id: str, error: str = "the build failed") -> str:
        self.post(f"/api/task-runs/{self.held(run_id)}/fail", {"error": error})
        return run_id

    def retried(self, run_id: str) -> str:
        """The id of the run that follows."""
        return str(self.post(f"/api/runs/{run_id}/retry")["run"]["id"])

    def agent(self, agent_name: str = "builder", **members: Any) -> dict[str, str]:
        """The headers of a new session."""
        made = self.post("/api/sessions", {"agent_name": agent_name, **members})["session"]
        return {"X-AGH-Session-ID": made["id"], "X-AGH-Agent": agent_name}

    def leased(self, title: str, lease_s: int = 600, **members: Any) -> tuple[str, dict[str, str]]:
        """A run that an agent of its own has claimed under a lease, and the agent's headers."""
        self.sessions += 1
        skill = f"skill-{self.sessions}"
        agent = self.agent(f"agent-{self.sessions}", capabilities=[skill])
        task_id = self.create(title, priority="urgent", **members)
        profile = {"worker": {"mode": "select", "required_capabilities": [skill]}}
        self.call("PUT", f"/api/tasks/{task_id}/execution-profile", profile)
        self.start(task_id)
        claim = self.post("/api/agent/tasks/claim-next", {"lease_seconds": lease_s}, **agent)
        run = claim["claim"]["run"]
        self.runs[title] = run["id"]
        return run["id"], agent

    def batch(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.post("/api/tasks/batch", {"items": items})["results"]
        bad = [result for result in results if "task" not in result]
        if bad:
            raise Refused(str(bad[0]))
        return results

    def tree(self, title: str, *widths: int) -> str:
        """The id of the root of a tree with so many children of each task on each level."""
        root = self.create(title)
        level = [root]
        for depth, width in enumerate(widths):
            items = [
                {
                    "scope": "global",
                    "title": f"{title} {depth}.{parent}.{n}",
                    "parent_task_id": above,
                }
                for parent, above in enumerate(level)
                for n in range(width)
            ]
            level = []
            for at in range(0, len(items), 256):
                made = self.batch(items[at : at + 256])
                level += [result["task"]["id"] for result in made]
        return root

    def until(self, run_id: str, status: str) -> None:
        """Wait until the run is there."""
        deadline_s = time.monotonic() + S_MAX
        while self.call("GET", f"/api/task-runs/{run_id}")["run"]["run"]["status"] != status:
            assert time.monotonic() < deadline_s, f"{run_id} is never {status}"
            time.sleep(0.05)


def build(api: httpx.Client) -> Town:
    """A town in the server behind `api`."""
    town = Town(api)
    workspace = town.post("/api/workspaces", {"root_dir": "/srv/town", "name": "town"})
    town.agent("idler", name="at rest")
    town.create("A draft", draft=True)
    waiting = town.create("Waits for another")
    blocker = town.create("Is waited for", priority="high", description="Something\n  to do.")
    town.post(f"/api/tasks/{waiting}/dependencies", {"depends_on_task_id": blocker})
    town.create("Wants an approval", approval_policy="manual")
    town.queued("Is queued")
    town.held(town.queued("Is run by a person"))
    town.leased("Is leased")
    paused = town.create("Is paused")
    town.start(paused)
    town.post(f"/api/tasks/{paused}/pause", {"reason": "legal has a question"})
    town.post(f"/api/tasks/{town.create('Is canceled')}/cancel", {"reason": "not needed"})
    town.completed(town.queued("Is completed"), {"artifact": "town.tar.gz", "files": [1, 2, 3]})
    run_id = town.queued("Has failed often", max_attempts=5, metadata={"ticket": "T-1"})
    for attempt in range(3):
        town.failed(run_id, f"attempt {attempt + 1}: no space left on <device>")
        if attempt < 2:
            run_id = town.retried(run_id)
    town.runs["Has failed often"] = run_id
    town.failed(town.queued("Has failed once"))
    town.failed(town.queued("Has failed for good", max_attempts=1))
    reviewed = town.completed(town.queued("Waits for a verdict"))
    made = town.post(f"/api/task-runs/{reviewed}/reviews", {"reason": "look at the checkout"})
    town.runs["review"] = made["review"]["review_id"]
    large = {"text": "x" * (65_536 - len('{"text":""}'))}
    town.completed(town.queued("Has a large result"), large)
    numbers = town.held(town.queued("Has large numbers"))
    inside = "[18446744073709551615]"
    body = f'{{"result": {{"id": {LARGE_NUMBER}, "inside": {inside}, "text": "1"}}}}'
    answered = api.post(
        f"/api/task-runs/{numbers}/complete",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answered.status_code == 200, answered.text
    for title in HOSTILE:
        run_id = town.queued(title, description=title, identifier=title[:200])
        town.failed(run_id, f"{title}\n" * 3)
    town.tasks["tree"] = town.tree("Tree", 3, 10)
    town.create("In the town", scope="workspace", workspace=workspace["workspace"]["id"])
    return town
