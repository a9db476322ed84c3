"""The core: what the scheduler knows and decides. Imports neither storage nor HTTP.

`task/` is pure: commands in, events out. Around it stand the actors that own state (`actor`,
`scheduler/`, `registry/`), the parts that own a rule over several tasks (`graph`, `index`),
`faults` that keeps what is set aside, and the publisher that hands on what was committed: to read
models (`views/`), the deadlines of reviews (`review_deadlines`), and the messages to subscribers
(`bridges/`). `ports` says what the outside must bring. `parts` wires all of it, `lifecycle` starts
and stops it, and `system` is what callers see.
"""
