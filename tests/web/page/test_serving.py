"""What is served of the page, and with which headers."""

import pytest

from chargehand.actors.identity import OriginKind
from chargehand.web.app import create_app
from chargehand.web.page.files import page_files
from chargehand.web.page.paths import VIEWS
from chargehand.web.page.session import BrowserSessions

TOKEN = "a token"
ORIGIN = {"Origin": "https://tools.example"}


@pytest.fixture
def page(system):
    """A client of a server without a token."""
    return create_app(system, OriginKind.HTTP).test_client()


@pytest.fixture
def guarded(system):
    """A client of one with a token."""
    sessions = BrowserSessions(TOKEN.encode())
    return create_app(system, OriginKind.HTTP, sessions=sessions).test_client()


async def code_of(answered) -> str:
    return (await answered.get_json())["diagnostic"]["code"]


@pytest.mark.parametrize("path", ["/", *(f"/{view}" for view in VIEWS)])
async def test_each_view_is_the_document(page, path):
    answered = await page.get(path)
    assert answered.status_code == 200
    view = path.removeprefix("/") or "now"
    assert await answered.get_data() == page_files().documents[view].plain
    headers = answered.headers
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-cache", "no-referrer")
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    for directive in ("script-src", "worker-src", "style-src", "img-src", "connect-src"):
        assert policy.pop(directive) == "'self'"
    assert policy == dict.fromkeys(("base-uri", "form-action", "frame-ancestors"), "'none'")


async def test_a_document_that_is_known_is_not_sent_again(page, guarded):
    tags = set()
    for client in (page, guarded):
        tag = (await client.get("/now")).headers["ETag"]
        again = await client.get("/work", headers={"If-None-Match": tag})
        assert (again.status_code, await again.get_data()) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "Content-Security-Policy" in again.headers
        assert (await client.get("/now", headers={"If-None-Match": '"old"'})).status_code == 200
        tags.add(tag)
    assert len(tags) == 2  # one says that a token is asked for


async def test_files_are_kept_for_good(page):
    files = page_files()
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for name, file in files.by_name.items():
        answered = await page.get(f"/ui/{files.digest}/{name}")
        assert (answered.status_code, await answered.get_data()) == (200, file.plain)
        assert answered.headers["Content-Type"].startswith(types[name[name.rindex(".") :]])
        assert answered.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answered.headers["X-Content-Type-Options"] == "nosniff"
        assert answered.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [("gzip, br", True), ("gzip;q=0", False), ("identity", False), ("*", True), ("br", False)],
)
async def test_a_file_is_compressed_for_who_takes_it(page, accepted, is_compressed):
    files = page_files()
    address = f"/ui/{files.digest}/app.js"
    answered = await page.get(address, headers={"Accept-Encoding": accepted})
    file = files.by_name["app.js"]
    assert await answered.get_data() == (file.compressed if is_compressed else file.plain)
    assert answered.headers.get("Content-Encoding") == ("gzip" if is_compressed else None)


@pytest.mark.parametrize(
    "name",
    ["none.js", "index.html", "../app.js", "..%2f..%2ffiles.py", "lit/LICENSE", "app.js/", ""],
)
async def test_what_is_no_file_is_not_served(page, name):
    answered = await page.get(f"/ui/{page_files().digest}/{name}")
    assert answered.status_code == 404
    assert await code_of(answered) == "not_found"


async def test_another_version_of_a_file_is_not_served(page):
    answered = await page.get("/ui/0123456789abcdef/app.js")
    assert (answered.status_code, await code_of(answered)) == (404, "not_found")


async def test_without_a_token_nobody_is_asked_for_one(page):
    open_to_all = {"token_required": False, "open": True}
    assert await (await page.get("/session")).get_json() == open_to_all
    for answered in (
        await page.post("/session", json={"token": "anything"}),
        await page.delete("/session"),
    ):
        assert await answered.get_json() == open_to_all
        assert "Set-Cookie" not in answered.headers


async def test_a_session_is_opened_read_and_closed(guarded):
    closed = {"token_required": True, "open": False}
    answered = await guarded.get("/session")
    assert await answered.get_json() == closed
    assert answered.headers["Cache-Control"] == "no-store"
    opened = await guarded.post("/session", json={"token": TOKEN})
    assert await opened.get_json() == {"token_required": True, "open": True}
    assert opened.headers["Cache-Control"] == "no-store"
    cookie = opened.headers["Set-Cookie"]
    assert cookie.split("; ")[-2:] == ["HttpOnly", "SameSite=Strict"]
    assert TOKEN not in cookie
    sent = {"Cookie": cookie.partition(";")[0]}
    assert (await (await guarded.get("/session", headers=sent)).get_json())["open"] is True
    ended = await guarded.delete("/session", headers=sent)
    assert await ended.get_json() == closed
    assert "Max-Age=0" in ended.headers["Set-Cookie"]


async def test_a_session_of_a_page_by_https_is_never_sent_without(guarded):
    opened = await guarded.post("/session", json={"token": TOKEN}, headers=ORIGIN)
    assert opened.headers["Set-Cookie"].endswith("; Secure")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff", b"{}", b"[]", b"null", b'"a token"', b"[" * 10_000),
        *(b'{"token": 1}', b'{"token": ""}', b'{"token": "a"}', b'{"token": null}'),
    ],
)
async def test_what_is_not_the_token_opens_nothing(guarded, body):
    answered = await guarded.post("/session", data=body)
    assert (answered.status_code, await code_of(answered)) == (401, "token_required")
    assert "Set-Cookie" not in answered.headers


async def test_a_view_is_no_folder(page):
    """Below it nothing relative would be found."""
    answered = await page.get("/queue/?open=x")
    assert answered.status_code == 308
    assert answered.headers["Location"] == "../queue?open=x"
