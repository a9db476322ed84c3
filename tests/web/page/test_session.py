"""The session of a browser: what opens it, and that nothing else does."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargehand.web.page.session import SESSION_S, BrowserSessions

TOKEN: Final = b"a token of some length"
NOW: Final = 1_790_000_000.5


def at(now: float, token: bytes = TOKEN) -> BrowserSessions:
    return BrowserSessions(token, now=lambda: now)


def sent(cookie: str) -> bytes:
    """What the browser sends of what it was told to keep."""
    return cookie.partition(";")[0].encode()


OPENED: Final = sent(at(NOW).opened(secure=False))


def test_a_session_lasts_twelve_hours():
    assert SESSION_S == 12 * 3600
    for age_s, is_open in ((0, True), (SESSION_S - 1, True), (SESSION_S + 1, False)):
        assert at(NOW + age_s).is_open(OPENED) is is_open


def test_it_outlives_a_restart_and_ends_with_the_token():
    assert BrowserSessions(TOKEN, now=lambda: NOW).is_open(OPENED)
    other = at(NOW, b"another token")
    assert not other.is_open(OPENED)
    renamed = OPENED.replace(at(NOW).cookie_name.encode(), other.cookie_name.encode())
    assert not other.is_open(renamed)


def test_scripts_and_other_sites_have_no_part_in_it():
    flags = at(NOW).opened(secure=False).split("; ")[1:]
    assert flags == [f"Max-Age={SESSION_S}", "HttpOnly", "SameSite=Strict"]
    assert at(NOW).opened(secure=True).split("; ")[1:] == [*flags, "Secure"]
    assert TOKEN.decode() not in at(NOW).opened(secure=False)


def test_closing_it_has_the_browser_forget():
    cookie = at(NOW).closed()
    assert cookie.startswith(f"{at(NOW).cookie_name}=; Max-Age=0")
    assert not at(NOW).is_open(sent(cookie))


def test_other_cookies_do_not_matter():
    assert at(NOW).is_open(b"a=b; " + OPENED + b"; c=" + b"x" * 5000)
    assert at(NOW).is_open(at(NOW).cookie_name.encode() + b"=old; " + OPENED)


@pytest.mark.parametrize("token", [TOKEN.decode(), f"  {TOKEN.decode()}\n"])
def test_the_token_is_accepted(token):
    assert at(NOW).accepts(token)


@given(st.text())
def test_no_other_token_is_accepted(token):
    assert at(NOW).accepts(token) is (token.strip() == TOKEN.decode())


@given(st.binary())
def test_no_other_cookie_opens_it(cookies):
    assert not at(NOW).is_open(cookies)


@given(st.integers(0, len(OPENED) - 1), st.integers(1, 255))
def test_no_byte_of_it_may_be_another_one(place, change):
    changed = bytearray(OPENED)
    changed[place] ^= change
    assert not at(NOW).is_open(bytes(changed)) or bytes(changed).strip() == OPENED


@given(st.integers(-(10**14), 10**14), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_no_later_end_can_be_made_up(expires, code):
    name = at(NOW).cookie_name
    assert not at(NOW).is_open(f"{name}={expires}.{code}".encode())


@pytest.mark.parametrize(
    "value",
    [b"", b".", b"1", b"1.", b".1", b"-1.x", "١٢٣.x".encode(), b"9" * 5000 + b".x", b"\xff"],
)
def test_what_is_no_session_is_none(value):
    assert not at(NOW).is_open(at(NOW).cookie_name.encode() + b"=" + value)
