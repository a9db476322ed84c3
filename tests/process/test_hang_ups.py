"""Clients that close their connection at once, on a real server: the benchmark in short."""

from collections.abc import Iterator

import pytest
import trio

from benchmarks.hang_ups import ended_sessions, resumed, retried_claims
from benchmarks.serving import server


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    with server(tmp_path_factory.mktemp("hang-ups")) as served:
        yield served.port


@pytest.mark.parametrize(
    ("clients", "times"), [(ended_sessions, 20), (resumed, 10), (retried_claims, 80)]
)
def test_nobody_waits_in_vain(port, clients, times):
    outcome = trio.run(clients, port, times)
    assert outcome.in_vain == 0
    assert len(outcome.took_s) == times
