"""Finished tasks are deleted after a while, if an operator says so: `rule` is what may go, `groups`
what can only go together, and `actor` looks for it and deletes it."""
