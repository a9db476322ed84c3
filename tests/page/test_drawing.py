"""When the page is drawn, by a clock that is moved: how soon after a change, and how often."""

from itertools import pairwise
from typing import Final

import pytest

from chargehand.web.page.files import page_files
from chargehand.web.page.paths import FOLDER

SECOND_MS: Final = 1000
FRAME_MS: Final = 17
BURST_S: Final = 10
IN_A_SECOND: Final = 4

_TAKE_OVER: Final = """async (address) => {
    window.paint = await import(address);
    window.drawn = [];
    paint.setDraw(() => drawn.push(performance.now()));
}"""
_CHANGED: Final = "() => { paint.changed(); return performance.now(); }"


@pytest.fixture
def page(contexts, api):
    """One that draws nothing but what a test has it draw, and whose time stands still."""
    page = contexts(bypass_csp=True).new_page()
    page.clock.install(time=0)
    page.goto(f"{api.base_url}/healthz")
    page.clock.pause_at(60_000)
    page.evaluate(_TAKE_OVER, f"{api.base_url}/{FOLDER}/{page_files().digest}/core/paint.js")
    return page


def changed(page) -> float:
    """Returns: when, in ms."""
    at_ms: float = page.evaluate(_CHANGED)
    return at_ms


def drawn(page) -> list[float]:
    moments: list[float] = page.evaluate("() => drawn")
    return moments


def test_what_comes_just_after_a_drawing_is_drawn_at_once(page):
    """As each second draws the page, for the times in it."""
    for _ in range(3):
        changed(page)
        page.clock.run_for(10 + FRAME_MS)
        came_ms = changed(page)
        page.clock.run_for(FRAME_MS)
        assert 0 <= drawn(page)[-1] - came_ms <= FRAME_MS
        page.clock.run_for(SECOND_MS)
    assert len(drawn(page)) == 6


def test_a_storm_is_drawn_four_times_in_any_second_at_even_distances(page):
    for _ in range(BURST_S * SECOND_MS // 10):
        changed(page)
        page.clock.run_for(10)
    moments = drawn(page)
    for first, fifth in zip(moments, moments[IN_A_SECOND:], strict=False):
        assert fifth - first > SECOND_MS - 2 * FRAME_MS
    assert len(moments) >= (BURST_S - 1) * (IN_A_SECOND - 0.5)
    later = [moment for moment in moments if moment - moments[0] > 2 * SECOND_MS]
    assert max(after - before for before, after in pairwise(later)) < SECOND_MS / 3


def test_what_came_is_drawn_with_an_answer_that_somebody_waits_for(page):
    for _ in range(3):
        changed(page)
        page.clock.run_for(FRAME_MS)
    assert len(drawn(page)) == 2
    page.evaluate("() => paint.arrived()")
    page.clock.run_for(FRAME_MS)
    assert len(drawn(page)) == 3
    page.clock.run_for(SECOND_MS)
    assert len(drawn(page)) == 3


def test_what_counts_seconds_is_drawn_only_where_nothing_else_was(page):
    """Else it would use up what is kept for changes."""
    tick = "() => paint.ticked()"
    page.evaluate(tick)
    page.clock.run_for(FRAME_MS)
    assert len(drawn(page)) == 1
    for _ in range(3):
        page.clock.run_for(SECOND_MS // 2)
        changed(page)
        page.clock.run_for(FRAME_MS)
        page.evaluate(tick)
        page.clock.run_for(FRAME_MS)
    assert len(drawn(page)) == 4
    page.clock.run_for(SECOND_MS)
    page.evaluate(tick)
    page.clock.run_for(FRAME_MS)
    assert len(drawn(page)) == 5
