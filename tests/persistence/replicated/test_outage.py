"""What is logged of something that fails all the time, by a clock that is moved."""

import logging

import pytest

from chargehand.persistence.replicated import outage as outage_module
from chargehand.persistence.replicated.outage import FIRST_S, LAST_S, Outage


@pytest.fixture
def now_s(monkeypatch):
    """Of the clock, in a list."""
    now_s = [1000.0]
    monkeypatch.setattr(outage_module, "boot_ns", lambda: int(now_s[0] * 1e9))
    return now_s


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "chargehand")
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_first_failure_is_logged_and_the_end(now_s, lines):
    outage = Outage("it fails", "it works again")
    outage.is_over()
    assert lines() == []
    outage.goes_on("no route")
    assert outage.why == "no route"
    assert outage.said == "it fails: no route"
    now_s[0] += 1.5
    outage.goes_on("refused")
    assert outage.why == "refused"
    outage.is_over()
    outage.is_over()
    assert outage.why is outage.said is None
    assert lines() == ["it fails: no route", "it works again, after 1.5 s"]


def test_what_goes_on_is_logged_more_and_more_seldom(now_s, lines):
    outage = Outage("it fails", "it works again")
    for _ in range(3600 * 5):  # five attempts a second, for an hour
        outage.goes_on("refused")
        now_s[0] += 0.2
    found = lines()
    assert found[:3] == [
        "it fails: refused",
        f"it fails for {FIRST_S:.0f} s: refused",
        f"it fails for {3 * FIRST_S:.0f} s: refused",
    ]
    assert 3600 / LAST_S < len(found) < 3600 / LAST_S + 10


def test_the_next_outage_is_another_one(now_s, lines):
    outage = Outage("it fails", "it works again")
    for why in ("refused", "no route"):
        outage.goes_on(why)
        outage.is_over()
        now_s[0] += 100
    assert lines()[::2] == ["it fails: refused", "it fails: no route"]


def test_outages_that_follow_each_other_closely_are_one_for_the_log(now_s, lines):
    outage = Outage("it fails", "it works again")
    for _ in range(3600):
        outage.goes_on("refused")
        now_s[0] += 0.5
        outage.is_over()
        now_s[0] += 0.5
    assert 0 < len(lines()) < 2 * (3600 / LAST_S + 10)
