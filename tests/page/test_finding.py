"""What a list shows, and what it leads to, by what somebody types."""

import pytest
from playwright.sync_api import expect

from tests.page.town import Town


@pytest.fixture(scope="module")
def town(api) -> Town:
    """Nothing is there but what each test makes."""
    return Town(api)


def type_filter(page, text: str) -> None:
    page.page.keyboard.press("/")
    expect(page.page.locator("#filter")).to_be_focused()
    page.page.keyboard.type(text)
    page.page.keyboard.press("Enter")


def test_a_task_whose_latest_run_has_failed_shows_that_until_it_is_retried(town, open_page):
    run_id = town.failed(town.queued("Fails"))
    page = open_page("work")
    expect(page.row("Fails")).to_contain_text("Ready")
    expect(page.row("Fails").get_by_role("link", name="Failed")).to_be_visible()
    town.retried(run_id)
    expect(page.row("Fails").get_by_role("link", name="Queued")).to_be_visible()
    expect(page.row("Fails").get_by_role("link", name="Failed")).to_have_count(0)


def test_an_unknown_filter_shows_nothing_rather_than_all(town, open_page):
    town.create("Must not be meant")
    page = open_page("work?filter=colour:red")
    expect(page.main.get_by_role("alert").last).to_contain_text("No filter is called colour")
    expect(page.main.locator("[data-row]")).to_have_count(0)
    assert page.main.get_by_role("toolbar").count() == 0


def test_runs_of_the_last_hour(town, open_page):
    run_id = town.queued("Is recent")
    page = open_page("work?show=runs&filter=since:1h")
    expect(page.row("Is recent")).to_be_visible()
    ahead = open_page("work?show=runs&filter=until:1h")
    expect(ahead.main).to_contain_text("Nothing matches this filter.")
    page.open("work?show=runs")
    type_filter(page, f"task:{town.tasks['Is recent']} since:90m")
    expect(page.main.locator("[data-row]")).to_have_count(1)
    expect(page.main.get_by_role("link", name=run_id)).to_be_visible()


@pytest.mark.parametrize("typed", ["since:yesterday", 'since:"10 min"'])
def test_a_time_that_is_none_is_refused_with_those_that_are(open_page, typed):
    page = open_page("work?show=runs")
    type_filter(page, typed)
    alert = page.main.get_by_role("alert")
    expect(alert).to_contain_text("is not a time")
    expect(alert).to_contain_text("write since:10m, since:2h or since:1d")
    expect(alert).to_have_count(1)


def test_heartbeats_do_not_fill_a_story(town, open_page):
    run_id, agent = town.leased("Beats")
    beat = f"/api/agent/tasks/{run_id}/heartbeat"
    for _ in range(3):
        town.post(beat, {"lease_seconds": 600}, **agent)
    page = open_page(f"task?id={town.tasks['Beats']}")
    beats = page.main.get_by_role("listitem").filter(has_text="Run lease extended")
    expect(beats).to_have_count(1)
    expect(beats).to_contain_text("3 times")
    town.post(beat, {"lease_seconds": 600}, **agent)
    expect(beats).to_contain_text("4 times")
    expect(beats).to_have_count(1)


def test_an_id_that_is_typed_leads_to_what_it_names(town, open_page):
    run_id = town.queued("Is looked for")
    page = open_page("work")
    type_filter(page, run_id)
    expect(page.main.get_by_role("heading", level=1)).to_contain_text("Is looked for")
    assert f"run?id={run_id}" in page.page.url
    page.open("inbox")
    type_filter(page, town.tasks["Is looked for"])
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Is looked for")
    assert "task?id=" in page.page.url


def test_the_queue_names_what_a_row_waits_for(town, open_page):
    task_id = town.create("Waits by command")
    town.start(task_id)
    town.post(f"/api/tasks/{task_id}/pause", {"reason": "not before the audit"})
    page = open_page("queue?paused=true")
    expect(page.row("Waits by command")).to_contain_text("not before the audit")
