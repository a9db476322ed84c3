"""Read models: what is asked over many tasks, folded from committed records by the publisher.

`views` is what the edge asks. `catalog` holds the latest state of every task; `activity` puts them
in order, in `stretches` that know by `facets` and `search` which of them are `wanted`, for lists
and `inbox`; `creation` has the other order. `walks` reads these page by page while tasks move, by
what `recent` remembers.
`items` are what tasks hold, over all of them: `runs` and `reviews`.
`groups` count them by `tally`, for the `dashboard`; `backlog` has the queue in its order.

`committed` has one task, slim or whole, and `tree` all below it. `timelines` read the past from the
journal and `streams` go on with what is published, event by event as in `timeline`. `inspect` says
what is the matter with a run. `history` counts what is done by the minute, with `latencies`. What a
caller may choose between stands in `choices`.
"""
