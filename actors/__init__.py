"""The core: what the scheduler knows and decides. Imports neither storage nor HTTP.

`task/` is pure: commands in, events out. Around it stand the actors that own state (`actor`,
`scheduler/`, `registry`), the parts that own a rule over several tasks (`graph`, `index`), `faults`
that keeps what is set aside, and the publisher that tells everybody else what has been committed:
the read models (`views/`), the deadlines of reviews (`review_deadlines`), and the messages to
subscribers (`bridges/`). `ports` says what the outside must bring; `system` puts it all together.
"""
