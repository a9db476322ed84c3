"""Delivery of a task's ends, at least once each, through bridges that may be unavailable.

A subscription (`actors.task.subscription`) says in its task's state what is due to it. `deliveries`
takes that from committed records and works it off: for each bridge a `queue` of its own, so that
one that hangs holds up nobody else; after a failure again, ever more seldom (`retries`). Each
delivery is reported to the task, which moves the cursor. `message` is what goes out; how it looks
and travels is the business of whoever brings the `bridge`.
"""
