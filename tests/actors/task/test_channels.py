"""The coordination channel of a run."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.task.channels import coordination_channel
from chargehand.actors.task.state import Scope
from tests.actors.task.kit import Bench


def test_a_run_of_a_global_task_has_none():
    assert coordination_channel(None, "ops", "run-1") is None
    assert Bench.with_run(network_channel="ops").latest.coordination_channel_id is None


def test_it_is_the_network_channel_or_one_for_the_run():
    fields = {"scope": Scope.WORKSPACE, "workspace_id": "ws_1"}
    run = Bench.with_run(**fields).latest
    assert run.coordination_channel_id == f"coord-{run.id}"
    run = Bench.with_run(network_channel="ops", **fields).latest
    assert run.coordination_channel_id == "ops"


@pytest.mark.parametrize(
    ("run_id", "channel"),
    [
        ("run-0123456789abcdef", "coord-run-0123456789abcdef"),
        ("RUN:A.b", "coord-run-a-b"),
        ("--a--b--", "coord-a-b"),
        ("a_b", "coord-a_b"),
        ("_a_", "coord-a"),
        ("x" * 59, "coord-" + "x" * 58),
        ("x" * 57 + "--y", "coord-" + "x" * 57),
        ("---", "coord-run-" + "cb3f91d54eee"),
    ],
)
def test_the_slug_of_a_run(run_id, channel):
    assert coordination_channel("ws_1", None, run_id) == channel


@given(run_id=st.text(min_size=1, max_size=100))
def test_every_run_has_a_channel_that_is_a_valid_name(run_id):
    channel = coordination_channel("ws_1", None, run_id)
    assert channel is not None
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", channel)
