"""One action on many rows, without leaving the list."""

import pytest
from playwright.sync_api import expect

from tests.page.town import Town

COUNT = 53  # more than a page of the list


@pytest.fixture(scope="module")
def town(api) -> Town:
    return Town(api)


@pytest.fixture
def workspace(town, request) -> str:
    """The id of one of the test's own."""
    made = town.post("/api/workspaces", {"root_dir": f"/srv/{request.node.name}"})
    return made["workspace"]["id"]


def runs(town: Town, workspace: str, status: str) -> list[dict]:
    query = f"limit=200&scope=workspace&workspace={workspace}&status={status}"
    return town.call("GET", f"/api/runs?{query}")["runs"]


def failed(town: Town, workspace: str, count: int) -> list[str]:
    """The tasks of runs that have failed."""
    placed = {"scope": "workspace", "workspace": workspace, "enqueue": True}
    made = town.batch([{"title": f"Has failed {n:02}", **placed} for n in range(count)])
    for row in runs(town, workspace, "queued"):
        town.failed(row["run"]["id"])
    return [result["task"]["id"] for result in made]


def at_work(page) -> None:
    """The page was never left for another one."""
    page.page.evaluate("() => { window.isKept = true; }")


def check_kept(page, address: str) -> None:
    assert page.page.url == address
    assert page.page.evaluate("() => window.isKept")


def test_all_that_match_a_filter_are_tried_again(town, open_page, workspace):
    tasks = failed(town, workspace, COUNT)
    # Of two, an open run stands in the way.
    blocked = [town.start(task_id) for task_id in tasks[:2]]
    page = open_page(f"work?show=runs&filter=status:failed+workspace:{workspace}")
    at_work(page)
    address = page.page.url
    expect(page.main.locator("[data-row]")).to_have_count(50)
    page.main.get_by_label("Select the page").check()
    bar = page.main.get_by_role("toolbar", name="Selected rows")
    expect(bar).to_contain_text("50 rows selected")
    bar.get_by_role("button", name="Select all that match").click()
    expect(bar).to_contain_text(f"{COUNT} rows selected: all that match")
    bar.get_by_role("button", name="Retry").click()
    expect(page.dialog).to_contain_text(
        f"Queues a new run in place of {COUNT} runs, all that match"
    )
    preview = page.dialog.get_by_role("listitem")
    expect(preview).to_have_count(11)
    expect(preview.last).to_have_text(f"… and {COUNT - 10} more")
    expect(preview.first).to_contain_text("Has failed")
    assert len(runs(town, workspace, "queued")) == 2  # nothing is done yet
    page.dialog.get_by_role("button", name=f"Retry {COUNT} runs").click()
    expect(page.dialog).to_contain_text(f"{COUNT - 2} of {COUNT} runs retried, 2 refused")
    page.said(f"{COUNT - 2} retried, 2 refused.")
    refused = page.dialog.get_by_role("listitem")
    expect(refused).to_have_count(2)
    expect(refused.first).to_contain_text("Has failed 0")
    for run_id in blocked:
        town.post(f"/api/task-runs/{run_id}/cancel")
    page.dialog.get_by_role("button", name="Try the 2 refused again").click()
    expect(page.dialog).to_contain_text(f"{COUNT} of {COUNT} runs retried.")
    page.dialog.get_by_role("button", name="Done").click()
    expect(page.dialog).to_have_count(0)
    expect(bar).to_have_count(0)
    check_kept(page, address)
    assert {row["task"]["id"] for row in runs(town, workspace, "queued")} == set(tasks)


def test_selected_tasks_are_paused_with_a_reason(town, open_page, workspace):
    placed = {"scope": "workspace", "workspace": workspace}
    ids = [town.create(f"Is selected {n}", **placed) for n in range(4)]
    page = open_page(f"work?filter=workspace:{workspace}")
    at_work(page)
    address = page.page.url
    for n in (1, 3):
        page.row(f"Is selected {n}").get_by_role("checkbox").check()
    bar = page.main.get_by_role("toolbar", name="Selected rows")
    bar.get_by_role("button", name="Pause").click()
    expect(page.dialog.get_by_role("listitem")).to_have_count(2)
    submit = page.dialog.get_by_role("button", name="Pause 2 tasks")
    submit.click()
    expect(page.dialog.get_by_role("alert")).to_have_text("Reason is required.")
    page.dialog.get_by_label("Reason").fill("legal has a question")
    submit.click()
    expect(page.dialog).to_contain_text("2 of 2 tasks paused.")
    page.dialog.get_by_role("button", name="Done").click()
    expect(page.row("Is selected 1")).to_contain_text("Paused")
    expect(page.row("Is selected 2")).not_to_contain_text("Paused")
    check_kept(page, address)
    paused = [town.call("GET", f"/api/tasks/{one}")["task"]["summary"].get("paused") for one in ids]
    assert paused == [None, True, None, True]


def test_failures_are_tried_again_from_the_inbox(town, open_page, workspace):
    tasks = failed(town, workspace, 3)
    page = open_page("inbox?lane=failed_runs&query=Has+failed")
    at_work(page)
    expect(page.main.locator("[data-row]")).to_have_count(3)
    page.main.get_by_label("Select the page").check()
    bar = page.main.get_by_role("toolbar", name="Selected rows")
    bar.get_by_role("button", name="Retry").click()
    page.dialog.get_by_role("button", name="Retry 3 runs").click()
    expect(page.dialog).to_contain_text("3 of 3 runs retried.")
    page.dialog.get_by_role("button", name="Done").click()
    expect(page.main).to_contain_text("Nothing matches this filter.")
    assert page.page.evaluate("() => window.isKept")
    for task_id in tasks:
        attempts = town.call("GET", f"/api/tasks/{task_id}/runs")["runs"]
        assert [run["status"] for run in attempts] == ["queued", "failed"]


def test_held_runs_are_released(town, open_page):
    held = [town.leased(f"Is held {n}")[0] for n in range(2)]
    page = open_page("agents")
    page.main.get_by_label("Select the page").check()
    bar = page.main.get_by_role("toolbar", name="Selected rows")
    bar.get_by_role("button", name="Release").click()
    page.dialog.get_by_role("button", name="Release 2 runs").click()
    expect(page.dialog).to_contain_text("2 of 2 runs released.")
    page.dialog.get_by_role("button", name="Done").click()
    expect(page.main).to_contain_text("No run is held by anybody.")
    for run_id in held:
        town.until(run_id, "queued")


def test_all_that_failed_are_tried_again_from_the_inbox_also_those_not_shown(
    town, open_page, workspace
):
    tasks = failed(town, workspace, COUNT)
    page = open_page("inbox?lane=failed_runs&query=Has+failed")
    at_work(page)
    expect(page.main.locator("[data-row]")).to_have_count(50)
    expect(
        page.main.get_by_role("button", name="Select the 50 that failed on this page")
    ).to_be_visible()
    page.main.get_by_role("button", name="Retry all that failed").click()
    expect(page.dialog).to_contain_text(f"Queues a new run in place of {COUNT} runs")
    expect(page.dialog.get_by_role("listitem").last).to_have_text(f"… and {COUNT - 10} more")
    assert runs(town, workspace, "queued") == []  # nothing is done yet
    page.dialog.get_by_role("button", name=f"Retry {COUNT} runs").click()
    expect(page.dialog).to_contain_text(f"{COUNT} of {COUNT} runs retried.")
    page.dialog.get_by_role("button", name="Done").click()
    expect(page.main).to_contain_text("Nothing matches this filter.")
    assert page.page.evaluate("() => window.isKept")
    assert {row["task"]["id"] for row in runs(town, workspace, "queued")} == set(tasks)


def test_back_leads_to_the_row_where_somebody_was(town, open_page, workspace):
    placed = {"scope": "workspace", "workspace": workspace}
    town.batch([{"title": f"Is one of many {n:02}", **placed} for n in range(COUNT)])
    page = open_page(f"work?filter=workspace:{workspace}&order=created")
    listed = page.main.locator("[data-row]")
    expect(listed).to_have_count(50)
    page.main.get_by_role("button", name="Show more").click()
    expect(listed).to_have_count(COUNT)
    last = listed.last.get_by_role("link").first
    title = last.inner_text()
    last.scroll_into_view_if_needed()
    scrolled = page.page.evaluate("() => scrollY")
    assert scrolled > 0
    last.click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text(title)
    assert page.page.evaluate("() => scrollY") == 0
    page.page.go_back()
    expect(listed).to_have_count(COUNT)
    page.page.wait_for_function("(y) => Math.abs(scrollY - y) < 10", arg=scrolled)


def test_failures_that_cannot_be_read_are_reported(town, open_page, workspace):
    failed(town, workspace, 1)
    page = open_page("inbox?lane=failed_runs&query=Has+failed")
    page.allowed = ("503",)
    body = {"error": "no node is active", "diagnostic": {"code": "no_active_node"}}
    page.page.route("**/inbox?*limit=500*", lambda route: route.fulfill(status=503, json=body))
    page.main.get_by_role("button", name="Retry all that failed").click()
    expect(page.main.get_by_role("alert")).to_contain_text("o node is active")
    expect(page.dialog).to_have_count(0)
