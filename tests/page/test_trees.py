"""Trees of any size: a grid of rows that are folded."""

import pytest
from playwright.sync_api import expect

from tests.page.town import Town

ROWS_MAX = 110  # of a tree whose rows nobody has opened


@pytest.fixture(scope="module")
def town(api) -> Town:
    return Town(api)


def opened(open_page, root: str):
    page = open_page(f"task?tab=tree&id={root}")
    page.live()
    expect(page.main.get_by_role("treegrid")).to_be_visible()
    return page


def test_a_tree_of_250_opens_folded(town, open_page):
    root = town.tree("Large", 50, 4)
    leaf = town.call("GET", f"/api/tasks/{root}/tree")["tree"]["descendants"][-1]["task"]["id"]
    page = opened(open_page, root)
    rows = page.main.get_by_role("treegrid").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(51)
    expect(page.main).to_contain_text("251 tasks")
    first = rows.first
    expect(first).to_have_attribute("aria-expanded", "true")
    expect(first).to_have_attribute("aria-level", "1")
    expect(first).to_contain_text("0 of 250")
    second = rows.nth(1)
    expect(second).to_have_attribute("aria-expanded", "false")
    expect(second).to_have_attribute("aria-setsize", "50")
    second.get_by_role("button").click()
    expect(rows).to_have_count(55)
    expect(rows.nth(2)).to_have_attribute("aria-level", "3")
    town.completed(town.start(leaf))
    expect(first).to_contain_text("1 of 250")
    page.page.get_by_role("button", name="Close Large", exact=True).click()
    expect(rows).to_have_count(1)


def test_ten_thousand_open_without_freezing(town, open_page):
    root = town.tree("Huge", 50, 50, 3)
    page = opened(open_page, root)
    expect(page.main).to_contain_text("10,051 tasks")
    rows = page.main.get_by_role("treegrid").locator("tbody").get_by_role("row")
    assert rows.count() <= ROWS_MAX
    rows.nth(1).get_by_role("button").click()
    expect(rows).to_have_count(101)
    assert rows.count() <= ROWS_MAX
    page.page.get_by_role("link", name="Story", exact=True).click()
    expect(page.main.get_by_role("treegrid")).to_have_count(0)
