"""The address of a journal: parameters of ours come out of it, and passwords are not shown."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from chargehand.persistence.postgres.address import AddressError, JournalAddress


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
        ("postgresql://x/y?shema=jobs", "unknown parameter shema: known are schema, prepared, "),
        ("postgresql://x/y?a=1&b=2", "unknown parameters a, b: known are schema, prepared, "),
        ("postgresql://x/y?shema=jobs", "and those of libpq; did you mean schema\\?$"),
        ("postgresql://x/y?ssl_mode=off", "and those of libpq; did you mean sslmode\\?$"),
        ("postgresql://x/y?zz=1&b=1&prepare=off&shema=j", "; did you mean prepared, schema\\?$"),
        ("postgresql://x/y?zzzz=1", "and those of libpq$"),
        ("postgresql://me:50%@x/y", "not an address that libpq can read"),
        ("postgresql://[x/y", "not an address that libpq can read"),
    ],
)
def test_what_is_none_is_refused(url, says):
    with pytest.raises(AddressError, match=says):
        JournalAddress.parse(url)


def test_a_schema_that_was_named_is_shown():
    assert str(JournalAddress.parse("postgresql://db/x?schema=jobs")).endswith("/x?schema=jobs")
    shown = str(JournalAddress.parse("postgresql://db/x?schema=jobs&sslmode=require"))
    assert shown == "postgresql://db/x?sslmode=require&schema=jobs"
    assert str(JournalAddress.parse("postgresql://db/x")) == "postgresql://db/x"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret%@x/y",
        "postgresql://me:a?s3cret@x/y",
        "postgresql://me:[s3cret@x/y",
        "postgresql://me:s3cret/more@x/y",
        "postgresql://me:s/s3cret@x/y",
        "postgresql://me:s3cret#more@x/y",
        "postgresql://me:s#s3cret@x/y",
        "postgresql://me:s3cret@more@x/y",
        "postgresql://me:s@s3cret@x/y",
        "postgresql://me:s?schema=s3cret@x/y",
        "postgresql://me:s?sslmode=s3cret@x/y",
        "postgresql://x/y?password=a#s3cret",
        "postgresql://x/y#s3cret",
        "postgresql://me:s3cret/y",
    ],
)
def test_no_refusal_holds_a_password(url):
    with pytest.raises(AddressError) as caught:
        JournalAddress.parse(url)
    assert "s3cret" not in str(caught.value)
    assert "as %3F" in str(caught.value)


def test_what_the_database_is_told_of_a_node_is_no_longer_than_it_keeps():
    address = JournalAddress.parse("postgresql://db/x")
    assert address.of_node("a").application == "chargehand a"
    assert address.of_node("x" * 128).application == "chargehand " + 52 * "x"


def test_a_password_in_code_is_read():
    url = "postgresql://me:a%25b%3Fc%23d%2Fe%40f%3Ag@[::1]:5432,two/x?application_name=a%40b"
    found = JournalAddress.parse(url)
    told = conninfo_to_dict(found.conninfo)
    assert (told["password"], told["host"]) == ("a%b?c#d/e@f:g", "::1,two")
    assert told["application_name"] == "a@b"
    assert str(found) == "postgresql://me@[::1]:5432,two/x?application_name=a%40b"
