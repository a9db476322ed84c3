"""Each dialog shows its call as it is typed elsewhere: `chargehand` must know the command and each
flag, and the API the path of the `curl`. What makes a new task does the same as the
button when it is pasted."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, expect

from chargehand.web.operations import Operation
from tests.cli.suggested import command_of
from tests.page.town import Town
from tests.process.conftest import S_MAX

PATHS: Final = [
    (operation.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", operation.path)))
    for operation in Operation
]
TEXTS: Final = {
    "kind-json": '{"a": [1, "two words"]}',
    "kind-number": "2",
    "kind-fraction": "0.5",
    "kind-lines": "first thing\nit's the second",
    "kind-owner": "pool:builders",
}
PROFILE: Final = '{"worker": {"mode": "select", "required_capabilities": ["it\'s-python"]}}'
TASK_ACTIONS: Final = {
    *("Approve", "Reject", "Publish", "Resume", "Start", "Queue a run", "Pause", "Change"),
    *("Add a dependency", "Mark as read", "Archive", "Dismiss", "Cancel task", "Delete"),
}
RUN_ACTIONS: Final = {
    *("Retry", "Recover", "Release", "Claim for myself", "Start", "Attach a session", "Complete"),
    *("Fail", "Fail by force", "Cancel run", "Request a review"),
}


@pytest.fixture(scope="module")
def server_options() -> tuple[str, ...]:
    return ("--lease-expiries-max=1",)


@pytest.fixture(scope="module")
def town(api) -> Town:
    return Town(api)


def fill(form: Locator) -> None:
    """Give each field a value, so that each member and flag is there."""
    for more in form.locator("details.more").all():
        more.evaluate("(one) => { one.open = true; }")
    # From the end: a draft takes away a field that is before its own.
    for row in reversed(form.locator(".field").all()):
        classes = (row.get_attribute("class") or "").split()
        if "kind-choice" in classes:
            select = row.locator("select")
            select.select_option(index=select.locator("option").count() - 1)
        elif "kind-flag" in classes:
            row.locator("input").check()
        else:
            field = row.locator("input, textarea")
            if field.get_attribute("id") == "field-deadline_at":
                field.fill("2027-01-31T12:00:00Z")
            elif not field.input_value() or "kind-json" not in classes:
                text = next((TEXTS[kind] for kind in classes if kind in TEXTS), "it's some text")
                field.fill(text)


def check(calls: list[str]) -> None:
    """Raises: click.UsageError: there is no such command, or a flag of it is unknown."""
    assert calls
    for lines in calls:
        for line in lines.split(" &&\n"):
            assert "\n" not in line
            if line.startswith("curl "):
                check_curl(line)
            else:
                command_of(line)


def check_curl(line: str) -> None:
    words = shlex.split(line)
    assert words[:2] == ["curl", "-X"]
    method, url = words[2:4]
    assert any(known == method and path.fullmatch(urlsplit(url).path) for known, path in PATHS), (
        line
    )
    if "-d" in words:
        json.loads(words[words.index("-d") + 1])
        assert words[words.index("-H") + 1] == "Content-Type: application/json"


def check_dialog(page) -> None:
    fill(page.dialog)
    page.dialog.get_by_text("The same call").click()
    calls = page.dialog.locator(".same-call pre").all_inner_texts()
    assert {call.split()[0] for call in calls} == {"curl", "chargehand"}
    check(calls)
    page.page.keyboard.press("Escape")
    expect(page.dialog).to_have_count(0)


def check_all(page) -> set[str]:
    """Look at each action that is listed for what is shown; which these are."""
    expect(page.main.locator(".facts")).to_be_visible()
    page.page.keyboard.press("a")
    labels = page.dialog.locator(".action-list button").all_inner_texts()
    page.page.keyboard.press("Escape")
    for label in labels:
        page.page.keyboard.press("a")
        page.dialog.get_by_role("button", name=label, exact=True).click()
        expect(page.dialog.get_by_role("heading")).to_have_text(label)
        check_dialog(page)
    return set(labels)


def test_of_tasks(town, open_page):
    approval = town.create("It's to be approved", approval_policy="manual")
    draft = town.create("A draft", draft=True)
    paused = town.create("Is paused")
    town.post(f"/api/tasks/{paused}/pause", {"reason": "r"})
    page = open_page("work")
    seen: set[str] = set()
    for task_id in (approval, draft, paused):
        page.open(f"task?id={task_id}")
        seen |= check_all(page)
    assert seen == TASK_ACTIONS


def test_of_runs(town, open_page):
    parked = town.leased("Is parked", lease_s=1)[0]
    queued = town.queued("Is queued")
    claimed = town.queued("Is claimed")
    town.post(f"/api/task-runs/{claimed}/claim")
    failed = town.failed(town.queued("Has failed"))
    town.until(parked, "needs_attention")
    page = open_page("work")
    seen: set[str] = set()
    for run_id in (parked, queued, claimed, failed):
        page.open(f"run?id={run_id}")
        seen |= check_all(page)
    assert seen == RUN_ACTIONS


def test_of_the_parts_of_a_task(town, open_page):
    task_id = town.create("Has parts")
    blocker = town.create("Comes first")
    town.post(f"/api/tasks/{task_id}/dependencies", {"depends_on_task_id": blocker})
    town.call("PUT", f"/api/tasks/{task_id}/execution-profile", {"worker": {"mode": "select"}})
    page = open_page("work")
    for tab, labels in (
        ("dependencies", ("Remove", "Add a dependency")),
        ("profile", ("Set the execution profile", "Delete the execution profile")),
        ("webhooks", ("Subscribe a webhook",)),
    ):
        page.open(f"task?tab={tab}&id={task_id}")
        for label in labels:
            page.main.get_by_role("button", name=label, exact=True).last.click()
            check_dialog(page)


def test_of_a_review(town, open_page):
    run_id = town.completed(town.queued("Is reviewed"))
    review = town.post(f"/api/task-runs/{run_id}/reviews", {})["review"]
    page = open_page(f"review?id={review['review_id']}")
    page.main.get_by_role("button", name="Give the verdict").click()
    check_dialog(page)


def test_of_the_scheduler_and_of_sessions(town, open_page):
    page = open_page("scheduler")
    page.main.get_by_role("button", name="Pause dispatch").click()
    check_dialog(page)
    page.main.get_by_role("button", name="Drain", exact=True).click()
    check_dialog(page)
    town.post("/api/scheduler/pause")
    page.main.get_by_role("button", name="Resume dispatch").click()
    check_dialog(page)
    town.post("/api/scheduler/resume")
    town.agent("leaver", name="leaves soon")
    page.open("agents")
    row = page.main.get_by_role("row").filter(has_text="leaves soon")
    row.get_by_role("button", name="End session").click()
    check_dialog(page)


@pytest.mark.parametrize("result", ["[1, 2]", "true", '"text"', "null"])
def test_a_result_is_one_value_whatever_it_is(town, open_page, result):
    run_id = town.held(town.queued("Is run"))
    page = open_page(f"run?id={run_id}")
    page.page.keyboard.press("a")
    page.dialog.get_by_role("button", name="Complete", exact=True).click()
    page.dialog.get_by_label("Result").fill(result)
    page.dialog.get_by_text("The same call").click()
    call = page.dialog.locator(".same-call pre").last.inner_text()
    words = shlex.split(call)
    assert words[:4] == ["chargehand", "run", "complete", run_id]
    assert json.loads(words[words.index("--result") + 1]) == json.loads(result)
    check([call])


@pytest.mark.parametrize("draft", [False, True])
def test_of_new_tasks(town, open_page, draft):
    for line in TEXTS["kind-lines"].split("\n"):
        town.create("Is waited for", identifier=f"{line} {draft}")
    page = open_page("new")
    for view in ("new", f"new?parent={town.create('Is above')}"):
        page.open(view)
        fill(page.main.locator("form.new"))
        named = [f"{line} {draft}" for line in TEXTS["kind-lines"].split("\n")]
        page.main.get_by_label("Depends on").fill("\n".join(named))
        page.main.get_by_label("A draft").set_checked(draft)
        page.main.get_by_label("Execution profile").fill(PROFILE)
        expect(page.main.locator(".same-call pre")).to_have_count(2)
        calls = page.main.locator(".same-call pre").all_inner_texts()
        # A draft has no run.
        assert [len(lines.split("\n")) for lines in calls] == [2 if draft else 3] * 2
        check(calls)


def paste(town, text: str) -> int:
    """Run it as a shell does; how it ends."""
    bin_path = Path(sys.executable).parent
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHARGEHAND_")} | {
        "CHARGEHAND_URL": str(town.api.base_url).rstrip("/"),
        "PATH": f"{bin_path}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", text], env=environment, capture_output=True, text=True, timeout=S_MAX
    )
    return done.returncode


def newest(town, title: str) -> dict[str, Any]:
    """What there is of the one task of that title, without its id; it is deleted then."""
    (found,) = [
        task
        for task in town.call("GET", "/api/tasks?include_drafts=true&limit=1000")["tasks"]
        if task["title"] == title
    ]
    task_id = found["id"]
    detail = town.call("GET", f"/api/tasks/{task_id}")["task"]
    profile = town.call("GET", f"/api/tasks/{task_id}/execution-profile")["profile"]
    runs = town.call("GET", f"/api/tasks/{task_id}/runs")["runs"]
    told = {
        "status": detail["summary"]["status"],
        "parent": detail["summary"].get("parent_task_id"),
        "priority": detail["summary"]["priority"],
        "description": detail["task"].get("description"),
        "depends on": [one["depends_on"]["id"] for one in detail.get("dependency_references", [])],
        "worker": profile["worker"],
        "runs": [run["status"] for run in runs],
    }
    town.post(f"/api/tasks/{task_id}/cancel")
    town.call("DELETE", f"/api/tasks/{task_id}")
    return told


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize("depends", [True, False])
@pytest.mark.parametrize("profile", ["", PROFILE], ids=["plain", "profile"])
def test_what_is_pasted_makes_what_the_button_makes(town, open_page, profile, depends, starts):
    title = f"It's made {profile} {depends} {starts}"
    parent = town.create("Is above")
    name = f"FIRST {parent}"
    blocker = town.create("Comes first", identifier=name)
    page = open_page(f"new?parent={parent}")
    made = []
    for way in ("chargehand", "curl", "button"):
        page.open(f"new?parent={parent}")
        page.main.get_by_label("Title").fill(title)
        page.main.get_by_label("Description").fill("As it's\n  typed.")
        page.main.get_by_label("Queue a run of it").set_checked(starts)
        page.main.locator("details.more").evaluate("(one) => { one.open = true; }")
        page.main.get_by_label("Execution profile").fill(profile)
        if depends:
            page.main.get_by_label("Depends on").fill(name)
        shown = page.main.locator(".same-call pre").filter(has_text=re.compile(f"^{way}"))
        if way == "button":
            page.main.get_by_role("button", name="Create the task").click()
            expect(page.main.get_by_role("heading", level=1)).to_have_text(title)
        else:
            expect(shown).to_have_count(1)
            assert paste(town, shown.inner_text()) == 0
        made.append(newest(town, title))
    assert made == [made[0]] * 3
    assert made[0]["status"] == ("blocked" if depends else "ready")
    assert made[0]["depends on"] == ([blocker] if depends else [])
    assert made[0]["runs"] == (["queued"] if starts else [])
    assert made[0]["worker"].get("required_capabilities", []) == (
        ["it's-python"] if profile else []
    )


@pytest.mark.parametrize("profile", ["", PROFILE], ids=["plain", "profile"])
def test_a_dependency_that_is_gone_stops_all_of_it(town, open_page, profile):
    title = f"Is never made {profile}"
    blocker = town.create("Is gone soon")
    page = open_page("new")
    page.allowed = ("404",)
    page.main.get_by_label("Title").fill(title)
    page.main.locator("details.more").evaluate("(one) => { one.open = true; }")
    page.main.get_by_label("Execution profile").fill(profile)
    page.main.get_by_label("Depends on").fill(blocker)
    shown = page.main.locator(".same-call pre")
    expect(shown).to_have_count(2)
    town.call("DELETE", f"/api/tasks/{blocker}")
    assert all(paste(town, text) for text in shown.all_inner_texts())
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("alert")).to_contain_text(blocker)
    assert not town.call("GET", "/api/tasks?query=Is+never+made")["tasks"]


def test_no_call_is_shown_before_it_is_known_what_it_waits_for(town, open_page):
    town.create("One of two", identifier="TWICE")
    town.create("Two of two", identifier="TWICE")
    page = open_page("new")
    page.main.get_by_label("Title").fill("Waits")
    same = page.main.locator(".same-call")
    for name, words in (("no-such-task", "no id or identifier"), ("TWICE", "several tasks")):
        page.main.get_by_label("Depends on").fill(name)
        expect(same).to_contain_text(f"“{name}” is ")
        expect(same).to_contain_text(words)
        expect(same.locator("pre")).to_have_count(0)
