"""What a browser sees of the page, and when."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, final

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS: Final = (
    "--no-sandbox",  # it may run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)
_WAIT_MS: Final = 60_000

# When the contents are painted, in ms since the navigation began.
_SHOWN: Final = """([selector]) => new Promise((resolve) => {
  const look = () => {
    if (document.querySelector(selector)) {
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    } else requestAnimationFrame(look);
  };
  look();
})"""
_NOW: Final = ".brief li, .empty.calm"  # what needs somebody is there
_WORK: Final = "[data-list=tasks] tbody tr"
# The moment at which a text is on the screen, by the clock that Python reads, too.
_SEEN: Final = """([text]) => new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('main').textContent.includes(text)) {
      requestAnimationFrame(() => setTimeout(() => resolve(Date.now())));
    } else requestAnimationFrame(look);
  };
  look();
})"""


class Times(NamedTuple):
    median_ms: float
    slowest_ms: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Times":
        return cls(statistics.median(samples), max(samples))


@final
class Found(NamedTuple):
    """Args:
    floor: a page of the same server without a script.
    now_first: with nothing in the browser's cache; `now`: with the files in it.
    live: from the answer to a write until its effect is on the screen.
    """

    floor: Times
    now_first: Times
    now: Times
    work_first: Times
    work: Times
    live: Times


def measure(url: str, times: int, chromium: str) -> Found:
    """Open the views of the server at `url`, each so many times."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            return _measure(browser, url, times)
        finally:
            browser.close()


def _measure(browser: Browser, url: str, times: int) -> Found:
    _opened(browser.new_context(), f"{url}/now", _NOW)  # counts, and whatever else is done once
    return Found(
        floor=_repeated(times, lambda: _opened_anew(browser, f"{url}/healthz", "body")),
        now_first=_repeated(times, lambda: _opened_anew(browser, f"{url}/now", _NOW)),
        now=_again(browser, f"{url}/now", _NOW, times),
        work_first=_repeated(times, lambda: _opened_anew(browser, f"{url}/work", _WORK)),
        work=_again(browser, f"{url}/work", _WORK, times),
        live=_live(browser, url, times),
    )


def _repeated(times: int, sample: Callable[[], float]) -> Times:
    return Times.of([sample() for _ in range(times)])


def _opened_anew(browser: Browser, url: str, selector: str) -> float:
    context = browser.new_context()
    try:
        return _opened(context, url, selector)
    finally:
        context.close()


def _again(browser: Browser, url: str, selector: str, times: int) -> Times:
    context = browser.new_context()
    try:
        _opened(context, url, selector)
        return _repeated(times, lambda: _opened(context, url, selector))
    finally:
        context.close()


def _opened(context: BrowserContext, url: str, selector: str) -> float:
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    try:
        page.goto(url, wait_until="commit")
        shown_ms: float = page.evaluate(_SHOWN, [selector])
        return shown_ms
    finally:
        page.close()


def _live(browser: Browser, url: str, times: int) -> Times:
    """A task that is in the list gets another title, by somebody else."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    with httpx.Client(base_url=url, timeout=60) as client:
        made = client.post("/api/tasks", json={"scope": "global", "title": "Watched"}).json()
        page.goto(f"{url}/work")
        page.get_by_role("link", name="Watched", exact=True).first.wait_for()
        page.get_by_role("button", name="Updates: Live").wait_for()
        samples = [_changed(page, client, made["task"]["id"], turn) for turn in range(times)]
    context.close()
    return Times.of(samples)


def _changed(page: Page, client: httpx.Client, task_id: str, turn: int) -> float:
    title = f"Watched, turn {turn}"
    page.evaluate(f"() => {{ window.seen = ({_SEEN})(['{title}']) }}")
    time.sleep(0.5)  # an event alone is what is measured, not one of many
    answer = client.patch(f"/api/tasks/{task_id}", json={"title": title})
    answer.raise_for_status()
    answered_ms = time.time() * 1000
    seen_ms: float = page.evaluate("() => window.seen")
    return seen_ms - answered_ms
