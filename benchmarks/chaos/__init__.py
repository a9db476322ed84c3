"""The crash proof: agents at work over HTTP while the server is killed again and again.

`python -m benchmarks.chaos --kills 10` makes a random graph of tasks, lets agents work it off, and
kills the server (SIGKILL) at random moments, each time starting it on the same directory and port.

- `server`: the process that is killed, and `launch`: how it comes to be
- `client`: requests that are repeated until they are answered
- `plan`: the graph of tasks
- `agents`: who works, and `ledger`: what was acknowledged to whom, and when
- `follower`: a stream client that comes back with the last number it has seen
- `checks`: what must be true in the end
- `syncs`: that each commit reaches the disk, counted by strace
"""
