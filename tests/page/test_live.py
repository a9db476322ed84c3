"""What happens elsewhere is shown as it happens, and nothing moves under the reader's hand."""

import pytest
from playwright.sync_api import expect

from tests.page.town import Town
from tests.page.watched import VIEWS, Watched

NO_WORKERS = "delete window.SharedWorker;"


@pytest.fixture(scope="module")
def town(api) -> Town:
    return Town(api)


def never_loaded_again(page: Watched) -> None:
    page.page.evaluate("() => { window.isKept = true; }")


def check_kept(page: Watched) -> None:
    assert page.page.evaluate("() => window.isKept")


def titles(page: Watched) -> list[str]:
    return [row.split("\n")[0] for row in page.main.locator("td.wide").all_inner_texts()]


def work_on(town: Town, title: str) -> tuple[str, dict[str, str]]:
    return town.leased(title, lease_s=600)


def test_a_row_changes_as_an_agent_works(town, open_page):
    page = open_page("work")
    page.live()
    never_loaded_again(page)
    run_id, agent = work_on(town, "Is worked on")
    row = page.row("Is worked on")
    expect(row).to_contain_text("Claimed")
    town.post(f"/api/agent/tasks/{run_id}/heartbeat", {"lease_seconds": 600}, **agent)
    town.post(f"/api/agent/tasks/{run_id}/complete", {"result": {"ok": True}}, **agent)
    expect(row).to_contain_text("Completed")
    expect(row).not_to_contain_text("Claimed")
    check_kept(page)


def test_a_task_tells_its_story_as_it_happens(town, open_page):
    task_id = town.create("Tells its story")
    page = open_page(f"task?id={task_id}")
    page.live()
    never_loaded_again(page)
    story = page.main.get_by_role("region", name="Story").locator("ol > li")
    expect(story).to_have_count(1)
    run_id = town.failed(town.start(task_id), "no space left")
    expect(story.filter(has_text="no space left")).not_to_have_count(0)
    expect(page.main.get_by_role("region", name="State and next action")).to_contain_text(
        "no space"
    )
    town.retried(run_id)
    events = town.call("GET", f"/api/tasks/{task_id}/timeline?limit=100")["timeline"]
    expect(story).to_have_count(len(events))
    check_kept(page)


def test_a_run_is_followed_to_its_end(town, open_page):
    run_id, agent = work_on(town, "Is followed")
    page = open_page(f"run?id={run_id}")
    page.live()
    expect(page.main.locator(".heading")).to_contain_text("Claimed")
    town.post(f"/api/agent/tasks/{run_id}/fail", {"error": "it broke"}, **agent)
    expect(page.main.locator(".heading")).to_contain_text("Failed")
    expect(page.main.get_by_role("region", name="Error")).to_contain_text("it broke")
    expect(page.main.get_by_role("button", name="Retry")).to_be_visible()


def test_dispatch_that_somebody_else_pauses(town, open_page):
    town.queued("Waits in the queue")
    pages = [open_page(view) for view in ("now", "queue", "scheduler")]
    town.post("/api/scheduler/pause", {"reason": "maintenance"})
    for page in pages:
        expect(page.main).to_contain_text("Dispatch is paused")
    town.post("/api/scheduler/resume")
    for page in pages:
        expect(page.main).not_to_contain_text("Dispatch is paused")


def test_a_pause_is_told_once_in_every_view(town, open_page):
    run_id = town.queued("Waits for a resume")
    task_id = town.tasks["Waits for a resume"]
    single = ("task", "run", f"task?id={task_id}", f"run?id={run_id}")
    pages = [open_page(view) for view in (*VIEWS, *single)]
    for page in pages:
        page.live()
    town.post("/api/scheduler/pause", {"reason": "the disk is changed"})
    told = "Dispatch is paused by human:local-user since "
    for page in pages:
        line = page.main.locator("p", has_text="Dispatch is paused")
        expect(line).to_have_count(1)
        expect(line).to_contain_text(told)
        expect(line).to_contain_text(": the disk is changed.")
    for page in pages[-2:]:
        reason = page.main.locator(".diagnostics li", has_text="Scheduler is paused")
        expect(reason.get_by_role("link", name="Resume it")).to_have_attribute("href", "scheduler")
    pages[0].main.get_by_role("link", name="Resume", exact=True).click()
    pages[0].main.get_by_role("button", name="Resume dispatch").click()
    pages[0].dialog.get_by_role("button", name="Resume dispatch").click()
    for page in pages:
        expect(page.main).not_to_contain_text("Dispatch is paused")
    for page in pages[-2:]:
        expect(page.main).not_to_contain_text("Scheduler is paused")


def test_a_pause_is_told_to_who_comes_later(town, open_page):
    town.post("/api/scheduler/pause", {"reason": "the disk is changed"})
    for view in VIEWS:
        page = open_page(view)
        expect(page.main.locator("p", has_text="Dispatch is paused")).to_have_count(1)
    town.post("/api/scheduler/resume")


def test_a_pause_hides_no_other_reason_for_which_a_row_waits(town, open_page):
    task_id = town.create("Wants a painter")
    profile = {"worker": {"mode": "select", "required_capabilities": ["paint"]}}
    town.call("PUT", f"/api/tasks/{task_id}/execution-profile", profile)
    town.start(task_id)
    town.post("/api/scheduler/pause", {"reason": "maintenance"})
    page = open_page("queue")
    row = page.row("Wants a painter")
    expect(row).to_contain_text("with the capability paint")
    expect(row).to_contain_text("Scheduler is paused")
    town.post("/api/scheduler/resume")
    expect(row).not_to_contain_text("Scheduler is paused")
    expect(row).to_contain_text("with the capability paint")


def test_an_age_grows_while_nothing_happens(town, context, open_page):
    town.queued("Waits for an hour")
    tab = context.new_page()
    tab.clock.install()
    page = open_page("now", page=tab)
    page.live()
    expect(page.main).to_contain_text("The oldest waits for")
    tab.clock.fast_forward("01:00:00")
    expect(page.main).to_contain_text("The oldest waits for 1 h")


def test_rows_stay_under_the_pointer(town, open_page):
    town.create("Was there before")
    page = open_page("work?order=created")
    page.live()
    page.row("Was there before").hover()
    before = titles(page)
    for n in range(3):
        town.create(f"Came under the pointer {n}")
    fresh = page.main.get_by_role("button", name="3 new · show")
    expect(fresh).to_be_visible()
    assert titles(page) == before
    # A cell changes where it is.
    town.start(town.tasks["Was there before"])
    expect(page.row("Was there before")).to_contain_text("Queued")
    assert titles(page) == before
    fresh.click()
    expect(page.row("Came under the pointer")).to_have_count(3)
    expect(fresh).to_have_count(0)


def test_rows_come_by_themselves_where_nobody_points(town, open_page):
    page = open_page("work")
    page.live()
    page.page.mouse.move(0, 0)
    town.create("Came by itself")
    expect(page.main.locator("[data-row]").first).to_contain_text("Came by itself")


def test_rows_stay_while_some_are_selected(town, open_page):
    town.create("Is selected")
    page = open_page("work?order=created")
    page.live()
    page.row("Is selected").get_by_role("checkbox").check()
    page.page.mouse.move(0, 0)
    before = titles(page)
    town.create("Came while selected")
    expect(page.main.get_by_role("button", name="1 new · show")).to_be_visible()
    assert titles(page) == before
    page.main.get_by_role("toolbar").get_by_role("button", name="Clear").click()
    expect(page.row("Came while selected")).to_be_visible()


def test_eight_tabs_are_all_live(town, open_page):
    """More than the connections that a browser makes to one server."""
    pages = [open_page("work") for _ in VIEWS[:8]]
    for page in pages:
        page.live()
        never_loaded_again(page)
    run_id, agent = work_on(town, "Is seen by eight")
    for page in pages:
        expect(page.row("Is seen by eight")).to_contain_text("Claimed")
    town.post(f"/api/agent/tasks/{run_id}/complete", {"result": 8}, **agent)
    for page in pages:
        expect(page.row("Is seen by eight")).to_contain_text("Completed")
        check_kept(page)
    # One goes, which must not end what the others read.
    pages[0].page.close()
    town.create("Is seen by seven")
    for page in pages[1:]:
        expect(page.row("Is seen by seven")).to_be_visible()


def test_without_shared_workers_each_tab_reads_for_itself(town, context, open_page):
    context.add_init_script(NO_WORKERS)
    page = open_page("work")
    assert page.page.evaluate("() => typeof SharedWorker") == "undefined"
    page.live()
    never_loaded_again(page)
    work_on(town, "Is seen without a worker")
    expect(page.row("Is seen without a worker")).to_contain_text("Claimed")
    check_kept(page)


def test_a_server_that_takes_no_changes_is_read_only_until_it_takes_one(town, open_page):
    task_id = town.create("Is kept from changes")
    page = open_page(f"task?id={task_id}")
    page.live()
    page.allowed = ("503",)
    error = "the disk is full (next: try again later)"
    told = {"code": "storage_failed", "message": "the disk is full"}
    body = {"error": error, "diagnostic": told}
    page.page.route("**/start", lambda route: route.fulfill(status=503, json=body))
    page.main.get_by_role("button", name="Start", exact=True).click()
    press = page.dialog.get_by_role("button", name="Start", exact=True)
    press.click()
    expect(page.dialog.get_by_role("alert")).to_contain_text("The disk is full")
    expect(page.dialog.get_by_role("alert")).to_contain_text("try again later")
    expect(page.page.locator("button.live")).to_have_text("Read-only")
    page.page.unroute("**/start")
    press.click()
    page.said("A run is queued.")
    page.live()
