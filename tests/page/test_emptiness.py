"""Nothing to show has three reasons, and each is told."""

import pytest
from playwright.sync_api import expect

from tests.page.town import Town

CALM = {
    "work": "No task was created yet.",
    "work?show=runs": "No run was queued yet.",
    "queue": "No run is queued, apart from those of paused tasks.",
    "inbox": "No approval is asked for.",
    "inbox?lane=failed_runs": "Nothing has failed that was not dealt with.",
    "agents": "No run is held by anybody.",
    "review": "No review was asked for.",
    "scheduler": "None was registered.",
    "now": "There are no tasks yet.",
}


@pytest.mark.parametrize(("view", "text"), CALM.items(), ids=CALM)
def test_nothing_is_there_yet(open_page, view, text):
    page = open_page(view)
    page.live()
    expect(page.main).to_contain_text(text)


def test_what_is_typed_for_a_first_task(open_page):
    page = open_page("now")
    expect(page.main.locator("pre")).to_contain_text("chargehand task create")
    page.main.get_by_role("link", name="Create a task").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("New task")


def test_nothing_matches(api, open_page):
    Town(api).create("Matches nothing")
    page = open_page("work?filter=status:failed")
    expect(page.main).to_contain_text("Nothing matches this filter.")
    page.main.get_by_role("button", name="Clear the filter").click()
    expect(page.row("Matches nothing")).to_be_visible()
    field = page.main.get_by_label("Filter")
    field.fill("colour:red")
    expect(page.main.get_by_role("alert")).to_contain_text("No filter is called colour")


def test_it_is_still_loading(api, context, open_page):
    page = open_page("now")
    held = []
    page.page.route("**/api/tasks?*", lambda route: held.append(route))
    with page.page.expect_request("**/api/tasks?*"):
        page.page.get_by_role("link", name="Work", exact=True).click()
    loading = page.main.get_by_text("Loading …")
    expect(loading).to_be_visible()
    expect(page.main).not_to_contain_text("No task was created yet.")
    for route in held:
        route.continue_()
    expect(loading).to_have_count(0)
