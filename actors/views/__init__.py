"""Read models: what is asked over many tasks, folded from committed records by the publisher.

`views` is what the edge asks. `catalog` holds the latest state of every task; `activity` puts them
in order, in `stretches` that know by `facets` and `search` which of them are `wanted`, for lists
and `inbox`; `creation` has the other order. `walks` reads these page by page while tasks move, by
what `recent` remembers.
`groups` count them by `tally`, for the `dashboard`; `backlog` has the queue in its order. `streams`
and `timeline` tell events one by one, `inspect` what is the matter with a run. What a caller may
choose between stands in `choices`.
"""
