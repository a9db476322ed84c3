"""PostgreSQL for tests, started once for all of them: a primary and a synchronous standby; and
three machines with Patroni."""

import itertools
import os
from collections.abc import Iterator
from typing import Final

import pytest

from benchmarks.cluster.patroni import PatroniCluster, missing, patroni
from benchmarks.cluster.postgres import PostgresServer, a_directory, binaries, replicated
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.schema import create
from tests.left_out import report_left_out

_LEFT_OUT: Final = "PostgreSQL is not installed"
_MACHINES_LEFT_OUT: Final = "three machines with Patroni need what is not installed"
_numbers = itertools.count(1)


def left_out(terminalreporter) -> None:
    report_left_out(terminalreporter, _LEFT_OUT, "PostgreSQL")
    report_left_out(terminalreporter, _MACHINES_LEFT_OUT, "Patroni", f": {missing()}")


def need_postgres() -> None:
    """Leave the test out, or fail it in CI, where PostgreSQL is not installed."""
    if binaries() is None:
        _leave_out(_LEFT_OUT)


def _leave_out(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and no test is left out in CI")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    need_postgres()
    with a_directory() as root, replicated(root) as both:
        yield both


@pytest.fixture
def address(servers) -> JournalAddress:
    """Of a new, empty journal."""
    made = JournalAddress.parse(f"{servers[0].url}?schema=journal_{next(_numbers)}")
    create(made)
    return made


@pytest.fixture(scope="session")
def database() -> Iterator[PatroniCluster]:
    """Three machines with a journal, as operators are shown them."""
    need_postgres()
    if missing() is not None:
        _leave_out(f"{_MACHINES_LEFT_OUT}: {missing()}")
    with a_directory() as root, patroni(root) as cluster:
        yield cluster
