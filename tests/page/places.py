"""Addresses of the page, one for each view, for a demo that is held."""

from typing import Final

import httpx

from chargehand.web.demo.aftermath import ROOT, aftermath

LANES: Final = ("approvals", "failed_runs", "blocked", "my_work", "archived")
TABS: Final = {  # with the task, by its key, that has most to show there
    "story": "export",
    "tree": ROOT,
    "dependencies": "switch",
    "runs": "export",
    "reviews": "postmortem",
    "profile": "retrain",
    "webhooks": "hotfix",
}


def places(api: httpx.Client) -> dict[str, str]:
    """Addresses by the name of what they show, relative to that of the server."""
    tasks = api.get("/api/tasks", params={"include_drafts": "true", "limit": 200}).json()["tasks"]
    ids = {task["title"]: task["id"] for task in tasks}
    task = {errand.key: ids[errand.title] for errand in aftermath()}

    def run(key: str) -> str:
        latest = api.get(f"/api/tasks/{task[key]}/runs", params={"limit": 1}).json()["runs"]
        return f"run?id={latest[0]['id']}"

    open_reviews = api.get("/api/task-reviews", params={"status": "requested"}).json()["reviews"]
    backlog = api.get("/api/scheduler/backlog", params={"include_paused": "true"}).json()
    queued = {row["task"]["title"]: row["run"]["id"] for row in backlog["backlog"]["runs"]}
    without_taker = next(one.title for one in aftermath() if one.capability)
    return {
        "now": "now",
        **{f"inbox-{lane}": f"inbox?lane={lane}" for lane in LANES},
        "work": "work",
        "runs": "work?show=runs",
        "queue": f"queue?paused=true&open={queued[without_taker]}",
        "agents": "agents",
        **{f"task-{tab}": f"task?id={task[key]}&tab={tab}" for tab, key in TABS.items()},
        "task-waiting": f"task?id={task['switch']}",
        "task-draft": f"task?id={task['plan']}",
        "run-failed": run("export"),
        "run-needs-attention": run("archive"),
        "run-held": run(ROOT),
        "run-large-result": run("timings"),
        "review": f"review?id={open_reviews[0]['review']['review_id']}",
        "reviews": "review",
        "scheduler": "scheduler",
        "new": "new",
    }
