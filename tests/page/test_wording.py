"""What the page says of a task, a run or a review, and that it can be read."""

import pytest
from playwright.sync_api import Locator, expect

from tests.page.town import Town


@pytest.fixture(scope="module")
def server_options() -> tuple[str, ...]:
    return ("--review-policy=on_success",)


@pytest.fixture(scope="module")
def town(api) -> Town:
    """Nothing is there but what each test makes."""
    return Town(api)


def box(locator: Locator) -> dict[str, float]:
    found = locator.bounding_box()
    assert found is not None
    return dict(found)


def test_one_run_waits(town, open_page):
    town.queued("Is alone")
    page = open_page("now")
    expect(page.main).to_contain_text("1 run waits.")
    town.queued("Is the second")
    expect(page.main).to_contain_text("2 runs wait.")


def test_what_a_task_waits_for_is_named_with_its_state(town, open_page):
    blockers = [town.create("Comes first"), town.create("Comes before, too", id="by-name")]
    waiting = town.create("Comes later")
    for blocker in blockers:
        town.post(f"/api/tasks/{waiting}/dependencies", {"depends_on_task_id": blocker})
    page = open_page(f"task?id={waiting}")
    page.live()
    state = page.main.get_by_role("region", name="State and next action")
    expect(state.get_by_role("link", name="Comes first")).to_have_attribute(
        "href", f"task?id={blockers[0]}"
    )
    reason = state.get_by_role("listitem")
    expect(reason).to_contain_text("Ready Comes before, too")
    town.failed(town.start(blockers[0]))
    expect(reason).to_contain_text("Failed Comes first")
    expect(reason).to_contain_text("Ready Comes before, too")
    for blocker in blockers:
        expect(reason).not_to_contain_text(f"{blocker} (")


def reviewed(town: Town, task_id: str) -> tuple[str, str]:
    """The completed run of a task, and its review, which is open."""
    run_id = town.completed(town.start(task_id))
    (review,) = town.call("GET", f"/api/task-runs/{run_id}/reviews")["reviews"]
    return run_id, review["review_id"]


def test_a_review_that_holds_a_task_up_is_named_as_that(town, open_page):
    blocker = town.create("Is reviewed")
    waiting = town.create("Waits for a verdict")
    town.post(f"/api/tasks/{waiting}/dependencies", {"depends_on_task_id": blocker})
    _, review_id = reviewed(town, blocker)
    page = open_page(f"task?id={waiting}")
    state = page.main.get_by_role("region", name="State and next action")
    expect(state.get_by_role("link", name=review_id)).to_be_visible()
    expect(state.get_by_role("listitem")).to_contain_text("of its run is open")


def test_the_rounds_of_reviews_say_why(town, open_page):
    run_id, review_id = reviewed(town, town.create("Is judged"))
    said = {"outcome": "approved", "confidence": 1, "delivery_id": "d", "reason": "it is sound"}
    town.post(f"/api/task-reviews/{review_id}/verdict", {"run_id": run_id, "verdict": said})
    page = open_page(f"review?id={review_id}")
    rounds = page.main.get_by_role("region", name="Rounds")
    expect(rounds).to_contain_text("Approved: it is sound")


def test_a_profile_that_was_never_set_is_none(town, open_page):
    page = open_page(f"task?tab=profile&id={town.create('Has no profile')}")
    expect(page.main).to_contain_text("Any agent that may see the task may claim it.")
    expect(page.main).not_to_contain_text("0001-")
    expect(page.main.get_by_role("button", name="Delete the execution profile")).to_have_count(0)


def test_a_hint_stands_below_its_checkbox(open_page):
    page = open_page("new")
    row = page.main.locator(".kind-flag").first
    check, label, hint = (box(row.locator(name)) for name in ("input", "label", "small"))
    assert check["x"] < label["x"]
    assert hint["y"] >= label["y"] + label["height"]


def test_the_numbers_of_a_preview_are_whole(town, open_page):
    for n in range(12):
        town.create(f"Is one of many {n:02}")
    page = open_page("work?filter=many")
    page.main.get_by_label("Select the page").check()
    bar = page.main.get_by_role("toolbar", name="Selected rows")
    bar.get_by_role("button", name="Archive").click()
    rest = page.dialog.locator(".preview li.rest")
    expect(rest).to_have_text("… and 2 more")
    expect(rest).to_have_css("list-style-type", "none")
    # A marker is outside of its item, and what is outside of the list is cut off.
    left = box(page.dialog.locator(".preview li").nth(9))["x"]
    assert left - box(page.dialog.locator(".preview"))["x"] >= marker_width(page)


def marker_width(page) -> float:
    """Of "10. ", in the font of the list."""
    return float(
        page.dialog.locator(".preview").evaluate(
            """(list) => {
              const text = document.createElement('span');
              text.textContent = '10.\\u00a0';
              document.body.append(text);
              text.style.font = getComputedStyle(list).font;
              const { width } = text.getBoundingClientRect();
              text.remove();
              return width;
            }"""
        )
    )


def test_a_filter_that_was_typed_leads_to_the_list(town, open_page):
    town.create("Is looked for")
    page = open_page("work")
    page.page.keyboard.press("/")
    expect(page.page.locator("#filter")).to_be_focused()
    page.page.keyboard.type("looked")
    page.page.keyboard.press("Enter")
    expect(page.main.locator("[data-row]")).to_have_count(1)
    page.page.keyboard.press("j")
    expect(page.row("Is looked for").get_by_role("link")).to_be_focused()
    expect(page.page.locator("#filter")).to_have_value("looked")
