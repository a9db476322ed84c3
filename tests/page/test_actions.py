"""What a person does: each action asks, does it, and tells what has become of it."""

import pytest
from playwright.sync_api import expect

from tests.page.town import LARGE_NUMBER, Town


@pytest.fixture(scope="module")
def town(api) -> Town:
    """Nothing is there but what each test makes."""
    return Town(api)


def summary(town: Town, task_id: str) -> dict:
    return town.call("GET", f"/api/tasks/{task_id}")["task"]["summary"]


def press(page, name: str) -> None:
    page.dialog.get_by_role("button", name=name, exact=True).click()


def choose(page, name: str) -> None:
    """Press what stands in the menu of actions."""
    page.main.locator("details.menu summary").first.click()
    page.main.get_by_role("button", name=name, exact=True).click()
    expect(page.dialog).to_be_visible()


@pytest.mark.parametrize(("name", "state"), [("Approve", "approved"), ("Reject", "rejected")])
def test_an_approval_is_given_or_refused(town, open_page, name, state):
    task_id = town.create("Wants an approval", approval_policy="manual")
    page = open_page(f"task?id={task_id}")
    page.main.get_by_role("button", name=name, exact=True).click()
    press(page, name)
    page.said(f"{name.rstrip('e')}ed.")
    expect(page.main.get_by_role("button", name=name, exact=True)).to_have_count(0)
    assert summary(town, task_id)["approval_state"] == state


def test_what_is_left_is_not_done(town, open_page):
    task_id = town.create("Wants an approval", approval_policy="manual")
    page = open_page(f"task?id={task_id}")
    for leave in (
        lambda: press(page, "Leave it"),
        lambda: press(page, "Close"),
        lambda: page.page.keyboard.press("Escape"),
    ):
        page.main.get_by_role("button", name="Reject", exact=True).click()
        expect(page.dialog).to_be_visible()
        leave()
        expect(page.dialog).to_have_count(0)
    assert summary(town, task_id)["approval_state"] == "pending"


def test_a_verdict_names_what_is_missing(town, open_page):
    run_id = town.completed(town.queued("Is reviewed"))
    review = town.post(f"/api/task-runs/{run_id}/reviews", {"reason": "look"})["review"]
    page = open_page(f"review?id={review['review_id']}")
    page.main.get_by_role("button", name="Give the verdict").click()
    press(page, "Give the verdict")
    expect(page.dialog.get_by_role("alert")).to_have_text("Reason is required.")
    page.dialog.get_by_label("Outcome").select_option("rejected")
    page.dialog.get_by_label("Reason").fill("The totals are wrong")
    page.dialog.get_by_label("Missing work").fill("the tax\n\n  the discount")
    page.dialog.get_by_label("Guidance").fill("Add both up")
    page.dialog.get_by_label("Confidence").fill("0.75")
    press(page, "Give the verdict")
    page.said("The verdict is recorded.")
    missing = page.main.get_by_role("region", name="What is missing")
    expect(missing.get_by_role("listitem")).to_have_text(["the tax", "the discount"])
    expect(page.main.get_by_role("button", name="Give the verdict")).to_have_count(0)
    told = town.call("GET", f"/api/task-reviews/{review['review_id']}")["review"]
    assert (told["outcome"], told["confidence"]) == ("rejected", 0.75)
    assert (told["missing_work"], told["reason"]) == (
        ["the tax", "the discount"],
        "The totals are wrong",
    )


def test_a_task_is_paused_with_a_reason_and_goes_on(town, open_page):
    task_id = town.create("Is paused")
    page = open_page(f"task?id={task_id}")
    choose(page, "Pause")
    press(page, "Pause")
    expect(page.dialog.get_by_role("alert")).to_have_text("Reason is required.")
    page.dialog.get_by_label("Reason").fill("legal has a question")
    press(page, "Pause")
    page.said("Paused.")
    expect(page.main.locator(".heading")).to_contain_text("Paused")
    expect(page.main.locator(".facts")).to_contain_text("legal has a question")
    assert summary(town, task_id)["paused"] is True
    page.main.get_by_role("button", name="Resume", exact=True).click()
    press(page, "Resume")
    page.said("Resumed.")
    expect(page.main.locator(".heading")).not_to_contain_text("Paused")


def test_what_the_server_refuses_is_told_with_its_next_step(town, open_page):
    task_id = town.create("Has a dependency")
    page = open_page(f"task?tab=dependencies&id={task_id}")
    page.allowed = ("422", "404", "409")
    page.main.get_by_role("button", name="Add a dependency").last.click()
    page.dialog.get_by_label("Task to wait for").fill(task_id)
    press(page, "Add a dependency")
    expect(page.dialog.get_by_role("alert")).to_contain_text("itself")
    page.dialog.get_by_label("Task to wait for").fill(town.create("Comes first"))
    press(page, "Add a dependency")
    page.said("Added.")
    shown = page.main.get_by_role("region", name="Dependencies")
    expect(shown.get_by_role("link", name="Comes first")).to_be_visible()


def test_a_task_is_handed_in_with_what_it_waits_for(town, open_page):
    blocker = town.create("Comes first")
    page = open_page("new")
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("alert")).to_have_text("Title is required.")
    page.main.get_by_label("Title").fill("Comes second")
    page.main.get_by_label("Description").fill("After the first.\n")
    page.main.get_by_label("Priority").select_option("high")
    page.main.get_by_label("Depends on").fill(blocker)
    page.main.get_by_label("Queue a run of it").uncheck()
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Comes second")
    page.said("The task is created.")
    task_id = page.page.url.partition("id=")[2]
    told = town.call("GET", f"/api/tasks/{task_id}")["task"]
    assert (told["summary"]["status"], told["summary"]["priority"]) == ("blocked", "high")
    assert [one["depends_on"]["id"] for one in told["dependency_references"]] == [blocker]


def test_a_run_of_a_new_task_waits_for_its_dependencies(town, open_page):
    town.create("Comes first by name", identifier="FIRST-1")
    page = open_page("new")
    page.main.get_by_label("Title").fill("Comes later")
    page.main.get_by_label("Depends on").fill("FIRST-1")
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Comes later")
    expect(page.main.get_by_role("region", name="State and next action")).to_contain_text(
        "Dependencies are not completed"
    )
    task_id = page.page.url.partition("id=")[2]
    (run,) = town.call("GET", f"/api/tasks/{task_id}/runs")["runs"]
    assert run["status"] == "queued"


def test_a_dependency_that_names_no_task_is_refused_in_words(town, open_page):
    page = open_page("new")
    page.main.get_by_label("Title").fill("Waits for nothing")
    page.main.get_by_label("Depends on").fill("no-such-task")
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("alert")).to_contain_text("no-such-task")
    assert not town.call("GET", "/api/tasks?query=Waits+for+nothing")["tasks"]


def test_a_draft_stays_one(town, open_page):
    page = open_page("new")
    page.main.get_by_label("Title").fill("Is published later")
    page.main.get_by_text("More", exact=True).click()
    page.main.get_by_label("A draft").check()
    expect(page.main.get_by_label("Queue a run of it")).to_have_count(0)
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Is published later")
    task_id = page.page.url.partition("id=")[2]
    assert town.call("GET", f"/api/tasks/{task_id}")["task"]["summary"]["status"] == "draft"


def test_a_refused_profile_is_corrected_and_the_task_is_made_once(town, open_page):
    page = open_page("new")
    page.allowed = ("400",)
    page.main.get_by_label("Title").fill("Is made once")
    page.main.get_by_text("More", exact=True).click()
    page.main.get_by_label("Execution profile").fill('{"worker": {"mode": "none such"}}')
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main).to_contain_text("The task is created; what follows was refused.")
    page.main.get_by_label("Execution profile").fill('{"worker": {"mode": "select"}}')
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Is made once")
    (task,) = town.call("GET", "/api/tasks?query=Is+made+once")["tasks"]
    (run,) = town.call("GET", f"/api/tasks/{task['id']}/runs")["runs"]
    assert run["status"] == "queued"


def test_a_child_is_added_to_the_tree(town, open_page):
    parent = town.create("Is a parent")
    page = open_page(f"task?tab=tree&id={parent}")
    page.main.get_by_role("link", name="Add a child").click()
    page.main.get_by_label("Title").fill("Is a child")
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Is a child")
    tree = town.call("GET", f"/api/tasks/{parent}/tree")["tree"]
    (child,) = tree["descendants"]
    assert (child["task"]["title"], child["active_run"]["status"]) == ("Is a child", "queued")


def test_a_title_that_is_too_long_is_refused_in_words(open_page):
    page = open_page("new")
    page.allowed = ("422",)
    page.main.get_by_label("Title").fill("long " * 2000)
    page.main.get_by_role("button", name="Create the task").click()
    expect(page.main.get_by_role("alert")).to_contain_text("500 characters")


def test_a_click_twice_does_it_once(town, open_page):
    task_id = town.create("Is started once")
    page = open_page(f"task?id={task_id}")
    page.main.get_by_role("button", name="Start", exact=True).click()
    start = page.dialog.get_by_role("button", name="Start", exact=True)
    start.evaluate("(button) => { button.click(); button.click(); }")
    page.said("A run is queued.")
    expect(page.dialog).to_have_count(0)
    assert len(town.call("GET", f"/api/tasks/{task_id}/runs")["runs"]) == 1


def test_dispatch_is_paused_and_resumed(town, open_page):
    page = open_page("scheduler")
    page.main.get_by_role("button", name="Pause dispatch").click()
    page.dialog.get_by_label("Reason").fill("maintenance")
    press(page, "Pause dispatch")
    page.said("Dispatch is paused.")
    expect(page.main).to_contain_text("Dispatch is paused by human:local-user since")
    expect(page.main).to_contain_text(": maintenance")
    assert town.call("GET", "/api/scheduler")["scheduler"]["paused"] is True
    page.main.get_by_role("button", name="Resume dispatch").click()
    press(page, "Resume dispatch")
    page.said("Dispatch goes on.")
    expect(page.main).to_contain_text("Dispatch is on: agents are given work.")


def test_a_drain_shows_how_far_it_is(town, open_page):
    held = [town.leased(f"Is drained {n}") for n in range(2)]
    page = open_page("scheduler")
    page.main.get_by_role("button", name="Drain", exact=True).click()
    press(page, "Drain")
    drain = page.main.get_by_role("region", name="Drain")
    expect(drain).to_contain_text("2 claims left of 2")
    progress = drain.get_by_role("progressbar")
    expect(progress).to_have_attribute("value", "0")
    (first, agent), (second, other) = held
    town.post(f"/api/agent/tasks/{first}/complete", {"result": 1}, **agent)
    expect(drain).to_contain_text("1 claim left of 2")
    expect(progress).to_have_attribute("value", "1")
    # It goes on while something else is looked at.
    page.page.get_by_role("link", name="Work", exact=True).click()
    expect(page.row("Is drained 1")).to_be_visible()
    page.page.get_by_role("link", name="Scheduler").click()
    expect(drain).to_contain_text("1 claim left of 2")
    town.post(f"/api/agent/tasks/{second}/complete", {"result": 2}, **other)
    expect(drain).to_contain_text("The drain is complete")
    page.said("The drain is complete.")
    town.post("/api/scheduler/resume")


def test_a_drain_that_times_out_names_what_is_held(town, open_page):
    run_id, agent = town.leased("Is held on to")
    page = open_page("scheduler")
    page.main.get_by_role("button", name="Drain", exact=True).click()
    page.dialog.get_by_label("Timeout").fill("1")
    press(page, "Drain")
    drain = page.main.get_by_role("region", name="Drain")
    expect(drain).to_contain_text("The drain has timed out: 1 claim left.")
    link = drain.get_by_role("link", name="Is held on to", exact=True)
    expect(link).to_have_attribute("href", f"run?id={run_id}")
    holder = town.call("GET", f"/api/task-runs/{run_id}")["run"]["run"]["claimed_by"]["ref"]
    expect(drain.get_by_role("listitem")).to_contain_text(f"held by {holder}")
    # Who comes anew sees no drain, but still what is at work.
    page.page.reload()
    held = page.main.get_by_role("region", name="Still at work")
    expect(held.get_by_role("link", name="Is held on to", exact=True)).to_be_visible()
    town.post(f"/api/agent/tasks/{run_id}/complete", {"result": 1}, **agent)
    expect(held).to_have_count(0)
    town.post("/api/scheduler/resume")


def test_a_drain_is_seen_in_every_tab_and_after_a_reload(town, open_page):
    (first, agent), (second, other) = (town.leased(f"Is left {n}") for n in range(2))
    pages = [open_page("scheduler") for _ in range(2)]
    for page in pages:
        page.live()
    pages[0].main.get_by_role("button", name="Drain", exact=True).click()
    press(pages[0], "Drain")
    for page in pages:
        drain = page.main.get_by_role("region", name="Drain")
        expect(drain).to_contain_text("2 claims left of 2")
        expect(drain).to_contain_text("until 2")
        expect(page.main.get_by_role("button", name="Drain", exact=True)).to_be_disabled()
    town.post(f"/api/agent/tasks/{first}/complete", {"result": 1}, **agent)
    pages[0].page.reload()
    for page in pages:
        drain = page.main.get_by_role("region", name="Drain")
        expect(drain).to_contain_text("1 claim left of 2")
        expect(drain.get_by_role("progressbar")).to_have_attribute("value", "1")
        expect(drain.get_by_role("link")).to_have_text(["Is left 1"])
        expect(page.main.get_by_role("button", name="Drain", exact=True)).to_be_disabled()
    town.post(f"/api/agent/tasks/{second}/complete", {"result": 2}, **other)
    for page in pages:
        expect(page.main.get_by_role("region", name="Drain")).to_have_text("The drain is complete.")
        expect(page.main.get_by_role("button", name="Drain", exact=True)).to_be_enabled()
    town.post("/api/scheduler/resume")
    for page in pages:
        expect(page.main.get_by_role("region", name="Drain")).to_have_count(0)


def test_a_drain_that_a_resume_ends_tells_so_where_it_was_asked_for(town, open_page):
    run_id, agent = town.leased("Outlives the drain")
    page, other = (open_page("scheduler") for _ in range(2))
    for one in (page, other):
        one.live()
    page.main.get_by_role("button", name="Drain", exact=True).click()
    press(page, "Drain")
    drain = other.main.get_by_role("region", name="Drain")
    expect(drain).to_contain_text("1 claim left of 1")
    other.main.get_by_role("button", name="Resume dispatch").click()
    press(other, "Resume dispatch")
    page.said("The drain was ended: 1 claim left.")
    for one in (page, other):
        expect(one.main).to_contain_text("Dispatch is on")
        expect(one.main.get_by_role("region", name="Drain")).to_have_count(0)
    town.post(f"/api/agent/tasks/{run_id}/complete", {"result": 1}, **agent)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2027-01-31T12:05:00.5Z", "The drain has timed out: 1 claim left."),
        ("2027-01-31T12:04:00Z", "The drain was ended: 1 claim left."),
    ],
    ids=["in time", "before its time"],
)
def test_who_did_not_ask_for_a_drain_sees_how_it_ended(town, open_page, at, told):
    run_id, agent = town.leased("Is left over")
    page = open_page("scheduler")
    page.live()
    shown = town.call("GET", "/api/scheduler")["scheduler"]
    started_at, ends_at = "2027-01-31T12:00:00Z", "2027-01-31T12:05:00Z"
    drain = {"started_at": started_at, "ends_at": ends_at, "claims_at_start": 3}
    shown |= {"paused": True, "paused_at": started_at, "as_of": started_at, "drain": drain}
    page.page.route(
        "**/api/scheduler", lambda route: route.fulfill(json={"scheduler": dict(shown)})
    )
    town.post("/api/scheduler/pause")  # which has it read
    region = page.main.get_by_role("region", name="Drain")
    expect(region).to_contain_text("1 claim left of 3")
    del shown["drain"]
    shown["as_of"] = at
    town.post("/api/scheduler/pause")
    expect(region).to_contain_text(told)
    expect(region.get_by_role("link", name="Is left over", exact=True)).to_be_visible()
    town.post(f"/api/agent/tasks/{run_id}/complete", {"result": 1}, **agent)
    town.post("/api/scheduler/resume")


def test_a_drain_says_which_pause_it_takes_the_place_of(town, open_page):
    town.post("/api/scheduler/pause", {"reason": "the disk is changed"})
    page = open_page("scheduler")
    page.main.get_by_role("button", name="Drain", exact=True).click()
    expect(page.dialog).to_contain_text("It takes the place of the pause by human:local-user since")
    expect(page.dialog).to_contain_text(": the disk is changed.")
    expect(page.dialog.get_by_label("Reason")).to_have_value("the disk is changed")
    press(page, "Drain")
    page.said("The drain is complete.")
    expect(page.main.locator(".headline")).to_contain_text(": the disk is changed.")
    town.post("/api/scheduler/resume")
    page.main.get_by_role("button", name="Drain", exact=True).click()
    expect(page.dialog.get_by_label("Reason")).to_have_value("")
    expect(page.dialog).not_to_contain_text("takes the place")


def test_a_session_is_ended(town, open_page):
    town.agent("leaver", name="leaves soon")
    page = open_page("agents")
    row = page.main.get_by_role("row").filter(has_text="leaves soon")
    row.get_by_role("button", name="End session").click()
    press(page, "End session")
    page.said("The session has ended.")
    expect(row).to_have_count(0)


def test_a_number_is_sent_as_it_was_typed(town, api, open_page):
    task_id = town.create("Counts far")
    page = open_page(f"task?id={task_id}")
    choose(page, "Change")
    page.dialog.get_by_text("More", exact=True).click()
    page.dialog.get_by_label("Metadata").fill(f'{{"count": {LARGE_NUMBER}}}')
    press(page, "Change")
    page.said("Changed.")
    assert f'{{"count":{LARGE_NUMBER}}}' in api.get(f"/api/tasks/{task_id}").text
