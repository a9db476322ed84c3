"""What is asked over many tasks: `python -m benchmarks.queries` builds them, and asks each thing
over HTTP many times.

`population` makes tasks in a realistic mix, `asked` names the requests.
"""
