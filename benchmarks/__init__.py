"""Measurements as commands: `python -m benchmarks` runs the `harness`: all figures
from one run.

Its sizes are in a `plan`. `compare` has the same work done by every system, ours and the peers;
`growth`, `scale` and `queries` show how costs grow with the work. `measured` is what was found on
which `machine`, `targets` holds it against the design, `report` prints and `pictures` draws it.

Pieces of these: `serving` runs the real program, `apart` a function in a process of its own, whose
CPU time `cpu` tells; `floor` is what the disk takes, `constant_server` what the framework takes.
The loops, and the client that they load a server with, are those of `chargehand bench`
(`web.bench`).

By themselves: `start` (of commands), `stretches`, `health`, `hang_ups`, `chaos`, `fuzz` and
`cluster`; most show `figures`.
"""
