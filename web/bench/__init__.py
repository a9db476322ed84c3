"""`chargehand bench`: cycles of agents against any server that runs.

`loops` has the two ways to load a server, closed and open, for any kind of `Agent`; `figures` makes
rates and quantiles of what they took. `wire` is the connection, and `work` what is asked over it.
`place` is a workspace of its own, in which nobody else works, and puts everything away afterwards.
`measuring` puts them together, and prints what was found.

The benchmarks of the repository load every other system through `loops`, too.
"""
