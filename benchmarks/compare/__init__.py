"""The same work on every system, ours and the peers, side by side.

A `contender` is a system that can be started and worked on: `ours`, and the `constant` answer that
shows what the framework takes; the servers `beanstalkd`, `redis_streams` and `postgres`, and the
libraries `procrastinate_postgres`, `pgqueuer_postgres`, `huey_sqlite` and `dramatiq_redis`, on a
`redis_server` or `postgres_server` where they need one. `everyone` lists them.

`load` is the process that hands tasks in and works on them. `rounds` gives each contender its
turns, and puts together what they brought.
"""
