"""The address of a journal: parameters of ours come out of it, and passwords are not shown."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from chargehand.actors.ports import StorageError
from chargehand.persistence.postgres.address import JournalAddress


def test_parameters_of_ours_are_taken_out():
    found = JournalAddress.parse(
        "postgresql://me:s3cret@one,two:6432/db?schema=jobs&prepared=off&sslmode=require"
    )
    assert (found.schema, found.prepared) == ("jobs", False)
    told = conninfo_to_dict(found.conninfo)
    assert told["host"] == "one,two"
    assert told["sslmode"] == "require"
    assert told["password"] == "s3cret"
    assert "schema" not in told


def test_what_is_not_said():
    found = JournalAddress.parse("postgres:///db?host=/run/postgresql")
    assert (found.schema, found.prepared) == ("chargehand", True)
    assert conninfo_to_dict(found.conninfo)["host"] == "/run/postgresql"


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:s3cret@db/x", "postgresql://db/x?user=me&password=s3cret"],
)
def test_it_is_shown_without_a_password(url):
    assert "s3cret" not in str(JournalAddress.parse(url))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://x", "must begin with postgresql://"),
        ("postgresql://x/y?schema=Mine", "'Mine' is no name of a schema"),
        ("postgresql://x/y?schema=a;drop", "is no name of a schema"),
        ("postgresql://x/y?prepared=maybe", "prepared= in the journal's address is on or off"),
    ],
)
def test_what_is_none_is_refused(url, says):
    with pytest.raises(StorageError, match=says):
        JournalAddress.parse(url)
