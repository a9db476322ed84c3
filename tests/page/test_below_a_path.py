"""A proxy serves the page below a path: all addresses in it are relative."""

import pytest
from playwright.sync_api import expect

from tests.page.proxy import proxied
from tests.page.town import Town, build
from tests.page.watched import ELSEWHERE, VIEWS

PREFIX = "/tools/chargehand/"
SINGLE = ("task?tab=tree&id=task:tree", "run?id=run:Has failed often", "review?id=run:review")


@pytest.fixture(scope="module")
def server_options() -> tuple[str, ...]:
    return (f"--allowed-hosts={ELSEWHERE}",)


@pytest.fixture(scope="module")
def town(api) -> Town:
    return build(api)


@pytest.fixture(scope="module")
def base(api):
    with proxied(api.base_url.port, PREFIX) as address:
        yield address


@pytest.mark.parametrize("view", ["", *VIEWS, *SINGLE])
def test_a_view_loads_and_is_live(town, base, open_page, view):
    page = open_page(town.address(view), base=base)
    page.live()
    assert page.page.url.startswith(base)


def test_links_events_and_writes(town, base, open_page):
    page = open_page("now", base=base)
    page.page.get_by_role("link", name="Work", exact=True).click()
    page.live()
    task_id = town.create("Came behind the proxy")
    page.row("Came behind the proxy").get_by_role("link").first.click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Came behind the proxy")
    expect(page.page).to_have_url(f"{base}task?id={task_id}")
    page.main.get_by_role("button", name="Start", exact=True).click()
    page.dialog.get_by_text("The same call").click()
    curl = page.dialog.locator(".same-call pre").first
    expect(curl).to_contain_text(f"{base}api/tasks/{task_id}/start")
    page.dialog.get_by_role("button", name="Start", exact=True).click()
    page.said("A run is queued.")
    expect(page.main.get_by_role("region", name="Story")).to_contain_text("Run enqueued")
    page.page.go_back()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Work")
    page.page.get_by_label("Settings of this page").click()
    expect(page.page.get_by_role("link", name="The API")).to_be_visible()
    page.page.get_by_role("link", name="The API").click()
    expect(page.page).to_have_url(f"{base}docs")
