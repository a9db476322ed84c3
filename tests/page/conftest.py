"""The operator's page in a real browser: Chromium, driven by Playwright.

`expect` and `wait_for_function` wait for what must come, for as long as the slowest machine takes.
Each test has a browser context of its own; each module has a server with a town (`town.py`) in it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Final

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.left_out import report_left_out
from tests.page.town import Town, build
from tests.page.watched import ELSEWHERE, MS_MAX, Watched
from tests.process.conftest import Server

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
)
_LEFT_OUT: Final = "no Chromium is installed"

Open = Callable[..., Watched]


def _chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


def pytest_terminal_summary(terminalreporter) -> None:
    report_left_out(
        terminalreporter, _LEFT_OUT, "the page", ": install it, or name it by CHROMIUM=/path/to/it"
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module: while it is there, this thread has a loop of asyncio."""
    path = _chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{_LEFT_OUT}, and no test is left out in CI")
        pytest.skip(_LEFT_OUT)
    expect.set_options(timeout=MS_MAX)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def contexts(browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts, each with its own cookies and storage."""
    made: list[BrowserContext] = []

    def make(**options) -> BrowserContext:
        context = browser.new_context(**{"reduced_motion": "reduce", **options})
        context.set_default_timeout(MS_MAX)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def context(contexts) -> BrowserContext:
    return contexts()


@pytest.fixture(scope="module")
def server_options() -> tuple[str, ...]:
    """What the server of a module is started with; a module may have its own."""
    return ()


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory) -> Iterator[Server]:
    """One for each module; without a browser none is started."""
    made = Server(tmp_path_factory.mktemp("page"))
    yield made
    made.kill()


@pytest.fixture(scope="module")
def api(server, server_options) -> Iterator[httpx.Client]:
    with server.start(*server_options) as client:
        yield client


@pytest.fixture(scope="module")
def town(api) -> Town:
    return build(api)


@pytest.fixture
def open_page(context, api) -> Iterator[Open]:
    """Opens a view. In the end the console of each page must be silent, no dialog may have come up,
    and nothing may have been asked of any other host."""
    opened: list[Watched] = []

    def open_view(view: str = "now", page: Page | None = None, base: str | None = None) -> Watched:
        watched = Watched(page or context.new_page(), base or f"{api.base_url}/")
        opened.append(watched)
        watched.open(view)
        return watched

    yield open_view
    for watched in opened:
        watched.check()
