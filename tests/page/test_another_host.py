"""The page by plain HTTP under a name that is not this machine's own: browsers keep several of
their functions from such pages, and it does without."""

import pytest
from playwright.sync_api import expect

from tests.page.town import Town
from tests.page.watched import ELSEWHERE, VIEWS

TOKEN = "secret"


@pytest.fixture(scope="module")
def server_options() -> tuple[str, ...]:
    return (f"--allowed-hosts={ELSEWHERE}", f"--token={TOKEN}")


@pytest.fixture(scope="module")
def town(api) -> Town:
    api.headers["Authorization"] = f"Bearer {TOKEN}"
    return Town(api)


def test_the_page_works(town, open_page):
    task_id = town.create("Is seen from elsewhere")
    base = f"http://{ELSEWHERE}:{town.api.base_url.port}/"
    page = open_page("work", base=base)
    assert page.page.evaluate(
        "() => [isSecureContext, typeof crypto.randomUUID, typeof navigator.clipboard,"
        " typeof navigator.locks]"
    ) == [False, "undefined", "undefined", "undefined"]
    page.main.get_by_label("Token").fill(TOKEN)
    page.main.get_by_role("button", name="Sign in").click()
    for view in VIEWS:
        page.open(view)
        page.live()
    page.open(f"task?id={task_id}")
    page.main.get_by_role("button", name="Start", exact=True).click()
    page.dialog.get_by_text("The same call").click()
    copy = page.dialog.get_by_role("button", name="Copy the curl command")
    copy.click()
    expect(copy).to_have_text("Copied")
    page.dialog.get_by_role("button", name="Start", exact=True).click()
    page.said("A run is queued.")
    expect(page.main.get_by_role("region", name="Story")).to_contain_text("Run enqueued")
