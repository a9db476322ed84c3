"""The page without a pointer."""

import pytest
from playwright.sync_api import expect

from tests.page.watched import Watched


@pytest.fixture
def page(town, open_page) -> Watched:
    return open_page("now")


def press(page: Watched, keys: str) -> None:
    for key in keys.split():
        page.page.keyboard.press(key)


def tab_to(page: Watched, text: str) -> None:
    """Press Tab until what begins so has the focus."""
    begins = "(text) => document.activeElement.textContent.trim().startsWith(text)"
    for _ in range(60):
        page.page.keyboard.press("Tab")
        if page.page.evaluate(begins, text):
            return
    raise AssertionError(f"Tab does not lead to {text}")


def focused(page: Watched) -> str:
    return str(page.page.evaluate("() => document.activeElement.textContent"))


def heading(page: Watched, text: str) -> None:
    expect(page.main.get_by_role("heading", level=1)).to_have_text(text)


def test_from_the_inbox_to_a_run_that_is_tried_again(page, town):
    press(page, "g i")
    heading(page, "Inbox")
    tab_to(page, "Failed")
    press(page, "Enter")
    expect(page.row("Has failed once")).to_be_visible()
    for _ in range(20):
        press(page, "j")
        if "Has failed once" in focused(page):
            break
    press(page, "k j a")
    expect(page.dialog.get_by_role("button", name="Retry")).to_be_focused()
    press(page, "Enter")
    expect(page.dialog.get_by_role("heading")).to_have_text("Retry")
    expect(page.dialog.get_by_role("button", name="Retry")).to_be_focused()
    press(page, "Enter")
    page.said("A new run is queued.")
    expect(page.dialog).to_have_count(0)
    expect(page.row("Has failed once")).to_have_count(0)
    runs = town.call("GET", f"/api/tasks/{town.tasks['Has failed once']}/runs")["runs"]
    assert [run["status"] for run in runs] == ["queued", "failed"]


def test_a_failed_task_is_tried_again_from_its_own_view(town, open_page):
    page = open_page(f"task?id={town.tasks['Has failed often']}")
    expect(page.main.get_by_role("button", name="Retry")).to_be_visible()
    press(page, "a")
    expect(page.dialog.get_by_role("button", name="Retry")).to_be_focused()
    press(page, "Enter")
    expect(page.dialog.get_by_role("button", name="Retry")).to_be_focused()
    press(page, "Enter")
    page.said("A new run is queued.")


def test_what_destroys_has_no_focus_at_first(town, open_page):
    page = open_page(f"task?id={town.create('Is deleted by no key')}")
    press(page, "a")
    page.dialog.get_by_role("button", name="Delete").click()
    expect(page.dialog.get_by_role("heading")).to_have_text("Delete")
    expect(page.dialog.get_by_role("button", name="Leave it")).to_be_focused()


def test_each_view_has_its_keys(page):
    for keys, name in (
        ("g w", "Work"),
        ("g q", "Queue"),
        ("g l", "Agents"),
        ("g s", "Scheduler"),
        ("g c", "New task"),
        ("g n", "Now"),
        ("g i", "Inbox"),
    ):
        press(page, keys)
        heading(page, name)


def test_the_keys_are_shown_and_esc_closes(page):
    press(page, "?")
    expect(page.dialog).to_contain_text("what can be done with the row")
    press(page, "g w")
    heading(page, "Now")
    press(page, "Escape")
    expect(page.dialog).to_have_count(0)
    press(page, "g w")
    heading(page, "Work")


def test_keys_do_nothing_while_somebody_types(page):
    search = page.page.get_by_label("Search, or jump to an id")
    press(page, "/")
    expect(search).to_be_focused()
    page.page.keyboard.type("gi?jxapgw")
    expect(search).to_have_value("gi?jxapgw")
    heading(page, "Now")
    expect(page.dialog).to_have_count(0)
    page.live()
    press(page, "Escape")
    expect(search).not_to_be_focused()
    press(page, "g w")
    heading(page, "Work")


def test_keys_with_modifiers_are_the_browsers(page):
    press(page, "g Control+i g Alt+w")
    heading(page, "Now")
    page.live()


def test_rows_are_selected_and_dropped(page):
    press(page, "g w")
    expect(page.row("Is leased")).to_be_visible()
    press(page, "j x j x")
    bar = page.page.get_by_role("toolbar", name="Selected rows")
    expect(bar).to_contain_text("2 rows selected")
    press(page, "x")
    expect(bar).to_contain_text("1 row selected")
    press(page, "Escape")
    expect(bar).to_have_count(0)


def test_a_row_is_opened_and_what_can_be_done_is_listed(page):
    press(page, "g w")
    expect(page.row("Is leased")).to_be_visible()
    press(page, "j")
    title = focused(page)
    press(page, "Enter")
    heading(page, title)
    press(page, "a")
    expect(page.dialog.get_by_role("button", name="Delete")).to_be_visible()
    press(page, "Escape")
    expect(page.dialog).to_have_count(0)


def test_updates_pause_and_go_on(page, town):
    press(page, "g w p")
    expect(page.updates("Paused")).to_be_visible()
    expect(page.row("Is leased")).to_be_visible()
    town.create("Made in the pause")
    town.create("Made in the pause, too")
    press(page, "p")
    page.live()
    expect(page.main.locator("[data-row]").nth(1)).to_contain_text("Made in the pause")
