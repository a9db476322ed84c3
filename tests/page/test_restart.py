"""The server is killed, and comes again: the page catches up by itself."""

import pytest
from playwright.sync_api import expect

from tests.page.town import Town
from tests.page.watched import Watched

NO_WORKERS = "delete window.SharedWorker;"


@pytest.fixture(scope="module")
def town(api) -> Town:
    return Town(api)


def story_of(page: Watched) -> list[str]:
    texts: list[str] = page.main.locator("ol.story > li").all_inner_texts()
    return texts


@pytest.mark.parametrize("workers", [True, False], ids=["shared worker", "none"])
def test_a_killed_server_that_is_started_again(town, server, context, open_page, workers):
    if not workers:
        context.add_init_script(NO_WORKERS)
    task_id = town.create("Outlives its server")
    town.failed(town.start(task_id))
    page = open_page(f"task?id={task_id}")
    other = open_page("work")
    for one in (page, other):
        one.allowed = (
            "ERR_CONNECTION_REFUSED",
            "ERR_INCOMPLETE_CHUNKED",
            "ERR_EMPTY",
            "ERR_FAILED",
        )
        one.allowed += ("ERR_CONNECTION_RESET",)
        one.live()
        one.page.evaluate("() => { window.isKept = true; }")
    server.kill()  # by SIGKILL
    for one in (page, other):
        expect(one.updates("Reconnecting")).to_be_visible()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Outlives its server")
    address = str(town.api.base_url).removeprefix("http://").rstrip("/")
    with server.start(f"--http={address}"):
        run_id = town.start(task_id)
        town.completed(run_id, {"again": True})
        page.live()
        other.live()
        events = town.call("GET", f"/api/tasks/{task_id}/timeline?limit=100")["timeline"]
        expect(page.main.locator("ol.story > li")).to_have_count(len(events))
        expect(page.main.locator(".heading")).to_contain_text("Completed")
        expect(other.row("Outlives its server").first).to_contain_text("Completed")
        times = page.main.locator("ol.story > li > time").evaluate_all(
            "all => all.map((one) => one.getAttribute('datetime'))"
        )
        assert times == [event["timestamp"] for event in reversed(events)]
        for one in (page, other):
            assert one.page.evaluate("() => window.isKept")


def test_a_view_that_was_not_loaded_yet_waits_for_the_server(town, server, open_page):
    """Whoever goes on reading while the server is away keeps the page."""
    town.create("Is there")
    page = open_page("work")
    page.allowed = ("ERR_", "Failed to fetch")
    page.live()
    server.kill()
    expect(page.updates("Reconnecting")).to_be_visible()
    page.page.get_by_role("link", name="Agents").click()
    expect(page.main).to_contain_text("The server cannot be reached")
    address = str(town.api.base_url).removeprefix("http://").rstrip("/")
    with server.start(f"--http={address}"):
        page.live()
        expect(page.main.get_by_role("heading", level=1)).to_have_text("Agents")
