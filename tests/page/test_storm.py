"""As many events as the machine gives: the page is drawn a few times a second all the same, and
asks for little. How long it takes over a drawing is printed, and measured by `benchmarks.page`.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.page.town import Town
from tests.process.conftest import ROOT

EVENTS = 4_000  # at least
SECONDS = 4.0  # at least
DRAWINGS_A_SECOND = 4
LISTS_A_SECOND = 1
MARGIN = 4  # drawings at the beginning and the end
ROWS_MAX = 100

_STORM = """
import httpx, sys
items = [{"scope": "global", "title": f"Storm {n}", "enqueue": True} for n in range(128)]
with httpx.Client(base_url=sys.argv[1], timeout=120) as client:
    while True:
        client.post("/api/tasks/batch", json={"items": items}).raise_for_status()
"""
_WATCH = """() => {
    const seen = { drawings: 0, longest: 0, since: performance.now() };
    window.seen = seen;
    new MutationObserver(() => { seen.drawings += 1; })
        .observe(document.getElementById('app'), { subtree: true, childList: true,
            characterData: true, attributes: true });
    new PerformanceObserver((list) => {
        const lengths = list.getEntries().map(({ duration }) => duration);
        seen.longest = Math.max(seen.longest, ...lengths);
    }).observe({ type: 'longtask' });
}"""
_SEEN = "() => ({ ...window.seen, s: (performance.now() - window.seen.since) / 1000 })"


@pytest.fixture(scope="module")
def town(api) -> Town:
    return Town(api)


@contextmanager
def storm(town: Town) -> Iterator[None]:
    """Tasks are made by another process, batch by batch."""
    arguments = [sys.executable, "-c", _STORM, str(town.api.base_url)]
    with subprocess.Popen(arguments, cwd=ROOT) as process:
        try:
            yield
        finally:
            process.terminate()


def sequence(town: Town) -> int:
    """Of the latest event."""
    made = town.create("Marks a moment")
    latest: int = town.call("GET", f"/api/tasks/{made}")["task"]["summary"]["latest_event_seq"]
    return latest


@pytest.mark.parametrize("view", ["now", "work", "queue"])
def test_a_storm_of_events(town, open_page, view, capsys):
    sequence(town)
    page = open_page(view)
    page.live()
    page.page.mouse.move(0, 0)
    answers = []
    page.page.on("response", lambda response: answers.append(response.url))
    page.page.evaluate(_WATCH)
    begun = sequence(town)
    with storm(town):
        page.page.wait_for_function(
            "(s) => performance.now() - window.seen.since > s * 1000", arg=SECONDS
        )
        while sequence(town) < begun + EVENTS:
            pass
        seen = page.page.evaluate(_SEEN)
        asked = len(answers)
    events = sequence(town) - begun
    with capsys.disabled():
        print(
            f"\n{view}: {events} events in {seen['s']:.1f} s, {seen['drawings']} drawings,"
            f" {asked} answers, longest task {seen['longest']:.0f} ms"
        )
    # What a person waits for is drawn as it comes; the rest four times a second.
    assert seen["drawings"] <= DRAWINGS_A_SECOND * seen["s"] + asked + MARGIN
    lists = [url for url in answers[:asked] if "/api/tasks?" in url or "backlog" in url]
    assert len(lists) <= LISTS_A_SECOND * seen["s"] + 2
    assert page.main.locator("[data-row]").count() <= ROWS_MAX
    # In the end it shows what is there.
    last = town.queued(f"Comes after the storm at {view}", priority="urgent")
    page.live()
    if view == "work":
        expect(page.main.locator("[data-row]").first).to_contain_text("Comes after the storm")
    page.open(f"run?id={last}")
    expect(page.main.locator(".heading")).to_contain_text("Queued")
