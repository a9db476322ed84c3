"""Every view loads in silence, can be used by everybody, and fits a phone."""

from importlib.resources import files

import pytest
from playwright.sync_api import expect

from tests.page.town import HOSTILE
from tests.page.watched import MS_MAX, TABS, VIEWS, Watched

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_COLOURS = ["color-contrast"]  # all that is another in the other theme
_RUN_AXE = """async (rules) => {
    const { violations } = await axe.run(document, { runOnly: rules });
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) =>
        `${id}: ${help}: ${html.slice(0, 300)} ${failureSummary}`));
}"""
_OVERFLOW = """() => {
    const {clientWidth, scrollWidth} = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [`${scrollWidth} > ${clientWidth}`, ...[...document.querySelectorAll('main *, header *')]
        .filter((one) => one.getBoundingClientRect().right > clientWidth)
        .map((one) => one.outerHTML.slice(0, 200))].slice(0, 5);
}"""
SINGLE = (
    *(f"task?tab={tab}&id=task:Has failed often" for tab in TABS),
    "task?tab=tree&id=task:tree",
    "task?tab=dependencies&id=task:Waits for another",
    "task?id=task:Wants an approval",
    "task?id=task:Is paused",
    *(f"task?tab={tab}&id=task:{HOSTILE[0]}" for tab in ("story", "runs")),
    f"task?id=task:{HOSTILE[3]}",
    "run?id=run:Has failed often",
    "run?id=run:Has a large result",
    "run?id=run:Is leased",
    f"run?id=run:{HOSTILE[3]}",
    "review?id=run:review",
    "new?parent=task:Is queued",
    *(f"inbox?lane={lane}" for lane in ("failed_runs", "blocked", "my_work", "archived")),
)
"""Views of a single thing, which is named by what the town calls it."""
ALL = (*VIEWS, *SINGLE)


def _ids(view: str) -> str:
    return view[:60].encode("ascii", "replace").decode()


def test_a_page_that_is_not_there_yet_says_so(open_page, town):
    for view, what in (("task", "task"), ("run", "run"), ("review", "review")):
        page = open_page()
        page.allowed = ("404",)
        page.open(f"{view}?id=nobody")
        expect(page.main.get_by_role("alert")).to_contain_text(f"{what}_not_found")


@pytest.fixture(scope="module")
def visited(browser, town):
    """Opens views in one page, one after the other: their files are in its cache."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(MS_MAX)
    page = Watched(context.new_page(), f"{town.api.base_url}/")

    def visit(view: str) -> Watched:
        page.faults.clear()
        page.page.set_viewport_size({"width": 1280, "height": 800})
        page.page.emulate_media(color_scheme="light")
        page.open(town.address(view))
        page.live()
        return page

    yield visit
    context.close()


@pytest.mark.parametrize("view", ALL, ids=_ids)
def test_a_view_loads_in_silence_and_fits_a_phone(visited, view):
    page = visited(view)
    page.page.set_viewport_size({"width": 390, "height": 844})
    assert page.page.evaluate(_OVERFLOW) == []
    page.check()


@pytest.mark.parametrize("view", ALL, ids=_ids)
def test_a_view_breaks_no_rule_of_accessibility(visited, view):
    page = visited(view)
    page.page.evaluate(AXE)
    assert page.page.evaluate(_RUN_AXE, _RULES) == []
    page.page.emulate_media(color_scheme="dark")
    assert page.page.evaluate(_RUN_AXE, _COLOURS) == []
