"""A server that is asked everything its own description allows, and much that it does not.

`python -m benchmarks.fuzz` starts a server of its own and lets Schemathesis loose on it, from
`/openapi.json`. It looks for answers of 500, statuses and contents that are not described, and
bodies off their schema; afterwards for errors in the server's log.

`hooks` is what Schemathesis loads: it hands in real work, and puts its ids into requests, so that
they get beyond 404. `world` remembers those ids, `receiver` takes webhooks, and `fuzzing` runs the
two processes.
"""
