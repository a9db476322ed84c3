"""The core: what the scheduler knows and decides. Imports neither storage nor HTTP.

- tasks: `task/` is pure, commands in and events out; `actor` owns one, `directory` finds it
- who works on what: `scheduler/`, and `registry/` for workspaces and sessions
- over several tasks: `graph/`, `index`, `surroundings`; effects: `outbox`, `awaited`; many made at
  once: `new_tasks/`; the same done to many: `bulk/`
- messages: `mailbox`, `asking`, `answers`
- time: `clock`, `boot_clock`, `time_watch`, `walls`, `times`; due times: `deadlines`,
  `review_deadlines`
- requests sent again: `idempotency/`; on a condition: `if_match`
- names: `ids`, `identity`, `misnamed`
- records: `record`, `ports` (what the outside must bring), `publisher`, `checkpointer`, `recovery`
- read models: `views/`; messages to subscribers: `bridges/`
- faults and refusals: `faults` (what is set aside), `errors`, `actions`, `availability`, `force`
- what is finished goes in time, if that is set: `retention/`
- bounds: `limits`, `settings`, `slices`, `garbage`
- collections and copies: `ordered`, `lazy_heap`, `choice`, `frozen`

`parts` wires all of it, `lifecycle` starts and stops it, and `system` is what callers see.
"""
