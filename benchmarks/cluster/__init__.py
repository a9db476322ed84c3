"""The proof of several nodes: they are killed, frozen and switched under load, and nothing that was
answered is lost, done twice, or held by two.

    python -m benchmarks.cluster --rounds 20

`proof` is one run of it, over `nodes` as processes and a `postgres` of its own. `costs` is another
command: what all of this costs beside one server with LMDB.
"""
