"""A server with a token: the browser is asked once, and keeps a session that no script can read."""

import re
import time

import httpx
import pytest
from playwright.sync_api import expect

from chargehand.web.page.session import SESSION_S, BrowserSessions
from tests.page.town import Town, build
from tests.page.watched import VIEWS

TOKEN = "the token of the town"
BAD = ("401",)
"""What the browser itself says of a refusal."""


@pytest.fixture(scope="module")
def server_options() -> tuple[str, ...]:
    return (f"--token={TOKEN}",)


@pytest.fixture(scope="module")
def town(api) -> Town:
    api.headers["Authorization"] = f"Bearer {TOKEN}"
    return build(api)


@pytest.fixture
def page(town, open_page):
    """One that is asked for the token."""
    page = open_page("work?filter=Has")
    page.allowed = BAD
    expect(page.main.get_by_label("Token")).to_be_focused()
    return page


def sign_in(page, token: str = TOKEN) -> None:
    page.main.get_by_label("Token").fill(token)
    page.main.get_by_role("button", name="Sign in").click()


def set_cookie(context, api, cookie: str) -> None:
    """As the server would have set it."""
    name, _, value = cookie.partition(";")[0].partition("=")
    context.add_cookies([{"name": name, "value": value, "url": str(api.base_url)}])


def test_a_browser_is_asked_once(town, page, context, open_page):
    addresses: list[str] = []
    context.on("request", lambda request: addresses.append(request.url))
    sign_in(page, "some other token")
    expect(page.main.get_by_role("alert")).to_contain_text("This is not the token of the server")
    expect(page.main.get_by_role("alert")).to_contain_text(
        "send the token that the server was started with"
    )
    assert context.cookies() == []
    sign_in(page)
    expect(page.row("Has failed once")).to_be_visible()
    page.live()
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", False)
    assert TOKEN not in cookie["value"]
    assert page.page.evaluate("() => document.cookie + JSON.stringify({...localStorage})") == "{}"
    page.page.reload()
    expect(page.row("Has failed once")).to_be_visible()
    other = open_page("inbox")
    other.live()
    assert not [address for address in addresses if "token" in address.replace("?filter", "")]
    assert TOKEN.split()[0] not in page.page.content().split("</head>")[0]


def test_all_views_and_the_description_open_in_the_session(town, page, context):
    sign_in(page)
    page.live()
    for view in VIEWS:
        page.open(view)
        page.live()
    page.page.goto(f"{page.base}docs")
    expect(page.page.get_by_role("heading").first).to_be_visible()
    answered = page.page.goto(f"{page.base}openapi.json")
    assert answered is not None
    assert answered.json()["openapi"].startswith("3.")


def test_writes_and_events(town, page):
    sign_in(page)
    page.live()
    page.page.mouse.move(0, 0)  # rows do not come under the pointer
    task_id = town.create("Has come while signed in")
    expect(page.row("Has come while signed in")).to_be_visible()
    page.open(f"task?id={task_id}")
    page.main.get_by_role("button", name="Start", exact=True).click()
    page.dialog.get_by_text("The same call").click()
    curl = page.dialog.locator(".same-call pre").first
    expect(curl).to_contain_text("Authorization: Bearer $CHARGEHAND_TOKEN")
    page.dialog.get_by_role("button", name="Start", exact=True).click()
    page.said("A run is queued.")
    expect(page.main.get_by_role("region", name="Story")).to_contain_text("Run enqueued")


def test_a_session_that_has_expired_asks_again(town, context, api, open_page):
    ago = BrowserSessions(TOKEN.encode(), now=lambda: time.time() - SESSION_S - 60)
    set_cookie(context, api, ago.opened(secure=False))
    page = open_page("work")
    page.allowed = BAD
    expect(page.main.get_by_label("Token")).to_be_visible()
    expect(page.row("Has failed once")).to_have_count(0)
    sign_in(page)
    expect(page.row("Has failed once")).to_be_visible()


def test_a_session_that_expires_while_the_page_is_open(town, context, api, open_page):
    ends_soon = BrowserSessions(TOKEN.encode(), now=lambda: time.time() - SESSION_S + 3600)
    set_cookie(context, api, ends_soon.opened(secure=False))
    page = open_page("work")
    page.live()
    page.allowed = BAD
    ended = BrowserSessions(TOKEN.encode(), now=lambda: time.time() - SESSION_S - 60)
    set_cookie(context, api, ended.opened(secure=False))
    page.page.get_by_role("link", name="Queue", exact=True).click()
    expect(page.main.get_by_label("Token")).to_be_visible()
    sign_in(page)
    expect(page.main.get_by_role("heading", level=1)).to_have_text("Queue")
    expect(page.row("Is queued")).to_be_visible()
    page.live()


def test_signing_out_forgets_the_session(town, page, context):
    sign_in(page)
    page.live()
    page.page.get_by_label("Settings of this page").click()
    page.page.get_by_role("button", name="Sign out").click()
    expect(page.main.get_by_label("Token")).to_be_visible()
    assert context.cookies() == []
    page.page.reload()
    expect(page.main.get_by_label("Token")).to_be_visible()


def test_signing_in_and_out_holds_for_every_tab(town, page, open_page):
    beside = open_page("queue")
    beside.allowed = BAD
    sign_in(page)
    expect(beside.row("Is queued")).to_be_visible()
    beside.live()
    page.page.get_by_label("Settings of this page").click()
    page.page.get_by_role("button", name="Sign out").click()
    expect(beside.main.get_by_label("Token")).to_be_visible()


def test_who_opens_the_description_signs_in_first(town, page, api):
    page.open("docs")
    sign_in(page)
    expect(page.page).to_have_url(f"{page.base}docs")
    expect(page.page.get_by_role("heading", name="Chargehand")).to_be_visible()
    with httpx.Client(base_url=api.base_url) as program:
        assert program.get("/docs").status_code == 401
        reader = program.get("/docs", headers={"Accept": "text/html,*/*;q=0.8"})
        assert (reader.status_code, reader.headers["Location"]) == (303, "now?then=docs")
        assert program.get("/api/tasks", headers={"Accept": "text/html"}).status_code == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 403), ("https://evil.example", 403), ("the page's", 200)],
)
def test_a_write_by_cookie_names_its_page(town, api, origin, status):
    cookie = BrowserSessions(TOKEN.encode()).opened(secure=False).partition(";")[0]
    headers = {"Cookie": cookie}
    if origin is not None:
        headers["Origin"] = str(api.base_url).rstrip("/") if "page" in origin else origin
    with httpx.Client(base_url=api.base_url) as stranger:
        assert stranger.get("/api/tasks", headers={"Cookie": cookie}).status_code == 200
        answered = stranger.post("/api/scheduler/resume", json={}, headers=headers)
        assert answered.status_code == status
        if status == 403:
            assert answered.json()["diagnostic"]["code"] == "origin_not_allowed"
        assert stranger.get("/api/tasks").status_code == 401


def test_a_token_of_another_server_opens_nothing(town, context, api, open_page):
    other = BrowserSessions(b"another token")
    own = BrowserSessions(TOKEN.encode())
    forged = re.sub("^[^=]*", own.cookie_name, other.opened(secure=False))
    set_cookie(context, api, forged)
    page = open_page("work")
    page.allowed = BAD
    expect(page.main.get_by_label("Token")).to_be_visible()
