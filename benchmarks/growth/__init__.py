"""What grows with the work, and what must not.

`queued`: the cost of a claim, by runs in the queue. `waiters`: claims that wait, and what they take
while nothing happens. `streams`: how soon their events arrive. The start, and memory for each task,
are measured by `benchmarks.scale`, questions over many tasks by `benchmarks.queries`.
"""
