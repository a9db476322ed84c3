"""What is on disk, and how it gets there. Implements `actors.ports.Journal`; knows no HTTP.

A record is encoded when it is appended (`codec`, `framing`) and handed to the writer (`writer`: a
thread, or a task where threads are not wanted), which commits all that waits in one transaction
(`pipeline`). A checkpoint (`checkpoint`) folds the log into tables in slices between commits:
snapshots (`snapshots`), timelines (`timeline`), index rows, outstanding effects; and forgets what
may be forgotten (`sweep`). What lies behind the last checkpoint is also in memory (`tail`).

`journal` takes records in and reports them, with a part for each other subject: `reading` looks at
tail and tables as one, `folding` sees a checkpoint through, `recovery` reads all back at start-up.

Everything stored has a checksum, in its frame (`framing`), its snapshot, or around it (`seal`).
What must not be folded, as a record before it is damaged, is kept as it is (`aside`); `verify`
checks a whole store.

Below is the `Store` contract (`store`) with two stores, `lmdb_store` and `memory_store`; `layout`
guards the format's version, `upgrade` moves what a former one has written, `epoch` keeps a store to
the process that opened it last, and `lock` a data directory to one process. `opening` is where the
composition root comes in.
"""
