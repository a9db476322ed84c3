"""Nodes over a PostgreSQL that Patroni keeps, as `docs/patroni` shows it: the files that run here
are those."""

import psycopg
import pytest
import trio

from benchmarks.cluster.example import MACHINES
from benchmarks.cluster.failover import Failover, service
from benchmarks.cluster.patroni import PASSWORD
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import connect
from tests.process.conftest import S_MAX


@pytest.mark.parametrize("failover", Failover)
async def test_no_node_starts_again_when_the_database_fails_over_and_nothing_answered_is_lost(
    tmp_path, database, failover
):
    with trio.fail_after(5 * S_MAX):
        async with service(tmp_path, database) as nodes:
            former = database.primary()
            outage = await nodes.fail_over(failover)
            assert database.primary() is not former
            assert outage.database_s > 0
            assert outage.nodes_s > 0
            assert await nodes.check() > 0
            nodes.check_nodes()


async def test_the_nodes_of_the_example_list_themselves(tmp_path, database):
    async with service(tmp_path, database):
        with trio.fail_after(S_MAX):
            while True:
                listed = await trio.to_thread.run_sync(database.type, "The nodes")
                if all(name in listed for name in MACHINES):
                    break
    assert listed.count("active") == 1


def test_the_role_of_the_example_owns_its_schema_and_nothing_else(database):
    address = JournalAddress.parse(database.journal())
    with connect(address) as connection:

        def rows(text):
            return connection.execute(text).fetchall()

        assert rows(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles "
            "WHERE rolname = current_user"
        ) == [(False, False, False, False)]
        assert rows(
            "SELECT nspname FROM pg_namespace WHERE nspowner = "
            "(SELECT oid FROM pg_roles WHERE rolname = current_user)"
        ) == [("chargehand",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows("CREATE SCHEMA another")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(JournalAddress.parse(database.journal().replace(PASSWORD, "wrong")))
