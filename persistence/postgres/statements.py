"""What is said to PostgreSQL. `{s}` stands for the schema; `%b` sends bytes as they are."""

from typing import Final, final

from chargehand.actors.frozen import frozen

SHARD: Final = 0
"""There is one so far."""

FORMAT: Final = 2
"""Of the tables here; what is in them has formats of its own."""

# `shard` is the fence of the log, `fold` that of the tables, so that neither waits for the other.
# Frames are compressed by nobody: that would be work before each answer.
_TABLES: Final = (
    """CREATE TABLE {s}.shard (
        id integer PRIMARY KEY,
        journal uuid NOT NULL,
        format integer NOT NULL,
        epoch bigint NOT NULL,
        head bigint NOT NULL,
        beat bigint NOT NULL,
        process text NOT NULL,
        node text NOT NULL,
        address text NOT NULL,
        ttl_ns bigint NOT NULL
    ) WITH (fillfactor = 10)""",
    """CREATE TABLE {s}.fold (
        shard integer PRIMARY KEY REFERENCES {s}.shard,
        epoch bigint NOT NULL,
        slice bigint NOT NULL
    ) WITH (fillfactor = 10)""",
    """CREATE TABLE {s}.log (
        shard integer NOT NULL,
        first_seq bigint NOT NULL,
        last_seq bigint NOT NULL,
        frames bytea NOT NULL,
        PRIMARY KEY (shard, first_seq)
    )""",
    """CREATE TABLE {s}.rows (
        shard integer NOT NULL,
        tbl text NOT NULL,
        key bytea NOT NULL,
        value bytea NOT NULL,
        PRIMARY KEY (shard, tbl, key)
    )""",
    """CREATE TABLE {s}.slices (
        shard integer NOT NULL,
        number bigint NOT NULL,
        changes bytea NOT NULL,
        epoch bigint NOT NULL,
        PRIMARY KEY (shard, number)
    )""",
    """CREATE TABLE {s}.node (
        name text PRIMARY KEY,
        process text NOT NULL,
        address text NOT NULL,
        seen timestamptz NOT NULL,
        followed bigint NOT NULL
    )""",
    "ALTER TABLE {s}.log ALTER COLUMN frames SET STORAGE EXTERNAL",
    "ALTER TABLE {s}.slices ALTER COLUMN changes SET STORAGE EXTERNAL",
)

_ROW: Final = "epoch, head, beat, process, node, address, ttl_ns"
# What is done is safe only where a commit waits for a copy, which may be switched off at any time:
# so it is looked at with each write.
_SAFE: Final = (
    "current_setting('synchronous_commit'), current_setting('synchronous_standby_names') <> ''"
)

_LOOK: Final = f"SELECT {_ROW}, {_SAFE} FROM {{s}}.shard WHERE id = %s"
_TAKE: Final = f"""WITH taken AS (
    UPDATE {{s}}.shard SET epoch = epoch + 1, beat = beat + 1, process = %s, node = %s,
        address = %s, ttl_ns = %s
    WHERE id = %s AND epoch = %s AND head = %s AND beat = %s AND process = %s RETURNING *
), folds AS (
    UPDATE {{s}}.fold SET epoch = taken.epoch FROM taken WHERE fold.shard = taken.id RETURNING 1
) SELECT {_ROW}, {_SAFE} FROM taken, folds"""
_RAISE: Final = f"""WITH taken AS (
    UPDATE {{s}}.shard SET epoch = epoch + 1, beat = beat + 1
    WHERE id = %s AND epoch = %s AND process = %s RETURNING *
), folds AS (
    UPDATE {{s}}.fold SET epoch = taken.epoch FROM taken WHERE fold.shard = taken.id RETURNING 1
) SELECT {_ROW}, {_SAFE} FROM taken, folds"""
_APPEND: Final = f"""WITH moved AS (
    UPDATE {{s}}.shard SET head = %s, beat = beat + 1
    WHERE id = %s AND epoch = %s AND process = %s AND head = %s RETURNING *
), put AS (
    INSERT INTO {{s}}.log (shard, first_seq, last_seq, frames)
    SELECT id, %s, head, %b FROM moved
) SELECT {_ROW}, {_SAFE} FROM moved"""
_RENEW: Final = f"""UPDATE {{s}}.shard SET beat = beat + 1
    WHERE id = %s AND epoch = %s AND process = %s RETURNING {_ROW}, {_SAFE}"""
_RELEASE: Final = f"""UPDATE {{s}}.shard SET beat = beat + 1, process = '', node = '',
        address = '', ttl_ns = 0
    WHERE id = %s AND epoch = %s AND process = %s RETURNING {_ROW}, {_SAFE}"""


@final
@frozen
class Statements:
    """Those of one schema."""

    tables: tuple[str, ...]
    look: str
    take: str
    raise_epoch: str
    append: str
    renew: str
    release: str

    @classmethod
    def of(cls, schema: str) -> "Statements":
        """Args: schema: a name that needs no quotes, see `JournalAddress`."""

        def named(text: str) -> str:
            return text.format(s=schema)

        return cls(
            tuple(named(text) for text in _TABLES),
            named(_LOOK),
            named(_TAKE),
            named(_RAISE),
            named(_APPEND),
            named(_RENEW),
            named(_RELEASE),
        )
