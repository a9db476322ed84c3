"""What the journal in PostgreSQL costs beside the embedded one in LMDB, in one run and as ratios.

    python -m benchmarks.cluster.costs --rounds 3

`command` is the command line, `sizes` says how much is measured. `stage` starts servers of either
kind on one directory and one database, `stored` fills both with the same tasks, `working` is the
load. Each part is a function of its own: `claims` (an agent alone beside one `append`, and many
agents), `checkpoints`, `lag` (of the `copy` that a standby has), `ready`, `forwarding`,
`takeovers`. What they find are `rows`; `report` prints and keeps them.

Where both kinds of server are measured they take turns within each round, in the opposite order
every second time, so that a minute in which the machine is busy hits both.
"""
