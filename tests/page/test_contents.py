"""What people and agents write is shown as it was written, and does nothing."""

import json

import pytest
from playwright.sync_api import expect

from tests.page.town import (
    EMOJI_TITLE,
    HOSTILE,
    HTML_TITLE,
    LARGE_NUMBER,
    LONG_TITLE,
    RTL_TITLE,
)

_WIDE = """() => [...document.querySelectorAll('main *')].filter((one) =>
    one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && !one.closest('.table-frame, .offscreen, pre')).map((one) => one.outerHTML.slice(0, 200))"""
_FORGED = "() => document.querySelectorAll('main img, main script, main iframe').length"


@pytest.mark.parametrize("title", HOSTILE, ids=["html", "rtl", "emoji", "long"])
def test_a_hostile_title_is_text(town, open_page, title):
    page = open_page("work")
    shown = title if len(title) <= 200 else f"{title[:200]}…"
    task_id = town.tasks[title]
    for view in ("now", "inbox?lane=failed_runs", "work", f"task?id={task_id}", "work?show=runs"):
        page.open(view)
        expect(page.main.get_by_text(shown, exact=True).first).to_be_visible()
        assert page.page.evaluate(_FORGED) == 0
        assert page.page.evaluate(_WIDE) == []
    page.open(f"run?id={town.runs[title]}")
    expect(page.main.locator("h1 bdi")).to_have_text(shown)
    expect(page.main.get_by_role("region", name="Error")).to_contain_text(title[:200])
    page.page.keyboard.press("a")
    page.dialog.get_by_role("button", name="Retry", exact=True).click()
    expect(page.dialog.get_by_role("heading")).to_have_text("Retry")


def test_a_title_turns_no_text_beside_it(town, open_page):
    """Its direction ends with it."""
    page = open_page(f"work?filter=id{RTL_TITLE[:5]}")
    page.open("work")
    row = page.row(RTL_TITLE[:5])
    expect(row.locator("bdi").first).to_have_text(RTL_TITLE)
    cell = row.locator("td").nth(1).bounding_box()
    status = row.locator("td").nth(2).bounding_box()
    assert cell["x"] < status["x"]


def test_numbers_are_shown_as_they_were_written(town, open_page):
    page = open_page(f"run?id={town.runs['Has large numbers']}")
    result = page.main.get_by_role("region", name="Result")
    expect(result.locator(".json-value").first).to_have_text(LARGE_NUMBER)
    result.get_by_text("Text", exact=True).click()
    expect(result.locator("pre")).to_contain_text(f'"id":{LARGE_NUMBER}')
    result.get_by_text("[1]").click()
    expect(result).to_contain_text("0: 18446744073709551615")
    assert "9007199254740992" not in result.inner_text()
    with page.page.expect_download() as waited:
        result.get_by_role("button", name="Download").click()
    text = waited.value.path().read_text(encoding="utf-8")
    assert json.loads(text, parse_int=str, parse_float=str) == {
        "id": LARGE_NUMBER,
        "inside": ["18446744073709551615"],
        "text": "1",
    }


def test_a_large_result_is_a_preview_with_a_download(town, open_page):
    page = open_page(f"run?id={town.runs['Has a large result']}")
    result = page.main.get_by_role("region", name="Result")
    expect(result).to_contain_text("64.0 KiB: the first 2000 characters are shown.")
    assert len(result.locator("pre").inner_text()) < 3000
    with page.page.expect_download() as waited:
        result.get_by_role("button", name="Download").click()
    assert waited.value.suggested_filename.endswith("-result.json")
    assert waited.value.path().stat().st_size == 65_536


def test_the_titles_of_the_town_are_hostile():
    assert "<script>" in HTML_TITLE
    assert "\u202e" in RTL_TITLE
    assert "\u200d" in EMOJI_TITLE
    assert len(LONG_TITLE) == 500


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("the disk is full\nask the operator", "the disk is full"),
        ("Error: no route\n    at connect (net.js:1)", "Error: no route"),
        (
            "Traceback (most recent call last):\n  File x\nValueError: no number",
            "ValueError: no number",
        ),
    ],
)
def test_the_line_that_says_what_went_wrong_is_shown(town, open_page, request, error, line):
    title = f"Has failed with {line}"
    run_id = town.failed(town.queued(title), error)
    try:
        page = open_page("inbox?lane=failed_runs")
        expect(page.row(title).locator(".error-text")).to_have_text(line)
    finally:
        town.retried(run_id)


def test_a_rejected_task_says_so_in_the_list(town, open_page):
    task_id = town.create("Is rejected", approval_policy="manual")
    town.post(f"/api/tasks/{task_id}/reject")
    page = open_page("work?filter=rejected")
    expect(page.row("Is rejected")).to_contain_text("Rejected")
