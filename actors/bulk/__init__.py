"""One operation done to many tasks or runs: each is an operation of its own, and may fail alone.

`selection` says who is meant, and finds the next ones of them; `each` does it to several at a time;
`tasks` and `runs` put both together, and tell what became of each.
"""
