"""Agents in Python: pools that work on runs, and what they work on.

`api` is what a program asks of a Chargehand, in the same words wherever that runs: `local` is one
in its own process, which `opening` opens, with `webhooks` if it has any, and `web.client` is one
elsewhere. It is made of `task_calls` and `agent_calls`, and both of `asking`: one request, or one
stream. It takes `new_task`s, gives `claims`, tasks and runs as they are `shown`, and raises
`errors`.

A `pool` claims for each of its free places, in `sessions` that hold its runs, until it begins to
`drain`. The `execution` of a claim has `handlers` called of either kind. `heartbeats` renew leases,
`work` is a claim that is worked on, `endings` say what becomes of it, `reports` send that, what
comes at the same time `together`, again and again through an `outage`; and `metrics`
count it. `program` is a handler that runs another program.
"""
