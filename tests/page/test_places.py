"""The address is the whole state: reload and Back keep it. What a person chose for the browser is
kept, too."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def page(town, open_page):
    return open_page("now")


def rows(page) -> list[str]:
    return page.main.locator("[data-row]").evaluate_all("all => all.map((one) => one.dataset.row)")


def test_a_filter_is_kept_by_reload_and_back(page):
    page.page.get_by_role("link", name="Work", exact=True).click()
    expect(page.row("Is leased")).to_be_visible()
    field = page.page.get_by_label("Filter")
    field.fill("status:ready failed")
    field.press("Enter")
    expect(page.main.locator("[data-row]")).to_have_count(2)
    page.page.get_by_role("link", name="creation").click()
    expect(page.page.get_by_role("link", name="creation")).to_have_attribute("aria-current", "true")
    page.settled()
    expect(page.main.locator("[data-row]")).to_have_count(2)
    shown = rows(page)
    page.page.reload()
    page.settled()
    expect(field).to_have_value("status:ready failed")
    expect(page.page.get_by_role("link", name="creation")).to_have_attribute("aria-current", "true")
    assert rows(page) == shown
    page.row("Has failed once").get_by_role("link", name="Has failed once").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Has failed once")
    page.page.go_back()
    expect(field).to_have_value("status:ready failed")
    expect(page.main.locator("[data-row]")).to_have_count(2)
    page.page.go_back()
    expect(page.page.get_by_role("link", name="activity")).to_have_attribute("aria-current", "true")
    expect(field).to_have_value("status:ready failed")
    page.page.go_back()
    expect(field).to_have_value("")
    expect(page.row("Is leased")).to_be_visible()
    page.page.go_forward()
    expect(field).to_have_value("status:ready failed")


def test_a_lane_and_a_search_are_kept(page):
    page.page.get_by_role("link", name="Inbox").click()
    page.page.get_by_role("link", name=re.compile("^Failed")).click()
    field = page.page.get_by_label("Title, identifier or id")
    field.fill("often")
    field.press("Enter")
    expect(page.main.locator("[data-row]")).to_have_count(1)
    page.page.reload()
    expect(field).to_have_value("often")
    expect(page.main.locator("[data-row]")).to_have_count(1)
    lane = page.page.get_by_role("link", name=re.compile("^Failed"))
    expect(lane).to_have_attribute("aria-current", "true")
    page.page.go_back()
    expect(field).to_have_value("")
    expect(page.row("Has failed once")).to_be_visible()
    page.page.go_back()
    expect(page.page.get_by_role("link", name=re.compile("^Approvals"))).to_have_attribute(
        "aria-current", "true"
    )


def test_a_tab_of_a_task_is_kept(page, town):
    page.open(f"task?id={town.tasks['Has failed often']}")
    page.page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.main.get_by_role("region", name="Runs")).to_be_visible()
    page.page.get_by_role("link", name="Tree", exact=True).click()
    expect(page.main.get_by_role("treegrid")).to_be_visible()
    page.page.reload()
    expect(page.main.get_by_role("treegrid")).to_be_visible()
    page.page.go_back()
    expect(page.main.get_by_role("region", name="Runs")).to_contain_text("attempt 1: no space left")
    page.page.go_back()
    expect(page.main.get_by_role("region", name="Story")).to_contain_text("Created")


def test_an_open_row_of_the_queue_is_kept(page):
    page.page.get_by_role("link", name="Queue").click()
    page.row("Is queued").get_by_role("button", name="Details of").click()
    opened = page.main.locator("tr.opened")
    expect(opened).to_contain_text("queued at")
    page.page.reload()
    expect(opened).to_contain_text("queued at")
    page.row("Is queued").get_by_role("link", name="Is queued").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Is queued")
    page.page.go_back()
    expect(opened).to_contain_text("queued at")
    page.row("Is queued").get_by_role("button", name="Details of").click()
    expect(opened).to_have_count(0)


def test_colours_and_clock_are_chosen_once(town, contexts, open_page):
    page = open_page("work", contexts(timezone_id="Asia/Kathmandu", color_scheme="dark").new_page())
    times = page.main.locator("td time")
    expect(times.first).not_to_contain_text("Z")
    instant = times.first.get_attribute("datetime")
    local = times.first.inner_text()
    page.page.get_by_label("Settings of this page").click()
    page.page.get_by_label("Times").select_option("utc")
    expect(times.first).to_contain_text("Z")
    assert times.first.inner_text() == f"{instant[:10]} {instant[11:19]}Z"
    assert local[-2:] == instant[17:19]
    page.page.get_by_label("Colours").select_option("light")
    page.page.reload()
    expect(times.first).to_have_text(f"{instant[:10]} {instant[11:19]}Z")
    back = "() => getComputedStyle(document.body).backgroundColor"
    assert page.page.evaluate(back) == "rgb(255, 255, 255)"
    page.page.get_by_label("Settings of this page").click()
    page.page.get_by_label("Colours").select_option("system")
    page.page.get_by_label("Times").select_option("local")
    page.page.reload()
    expect(times.first).to_have_text(local)
    assert page.page.evaluate(back) != "rgb(255, 255, 255)"
