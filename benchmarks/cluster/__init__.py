"""The proof of several nodes: they are killed, frozen and switched under load, and nothing that was
answered is lost, done twice, or held by two.

    python -m benchmarks.cluster --rounds 20

And how long nobody is answered while the database fails over, which three machines with Patroni do:

    python -m benchmarks.cluster.failover --rounds 5

And what all of this costs beside one server with LMDB:

    python -m benchmarks.cluster.costs
"""
