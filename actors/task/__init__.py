"""One task: what it is (`state`), what may be asked (`commands`), what happened (`events`).

Their enums stand in `choices`, and in `details` what may be said of a task, which commands, events,
state and answers have in common.
`decide` turns a command into events, `evolve` folds an event into the state, `status` derives the
task's status; all three are pure. What the public sees of an event is the edge's (`web.payloads`).
"""
