"""Who may claim what next: claimable runs, parked claimers, lease deadlines, pause and drain.

The scheduler picks, reserves and forwards; the task's own actor decides and answers. It learns of
everything from committed records and never waits for a disk.

`actor` is the mailbox and its loop, `dispatch` hands out runs, `attachments` binds sessions to
runs, `control` pauses, resumes and drains, `lease_expiry` has leases expire. `board` has where
every open run stands: the queued ones, with `claimable` and `looks`, and all others. `classed_runs`
finds the best run for a claimer among many, and `oldest` the one queued first.
"""
