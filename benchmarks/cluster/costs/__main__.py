"""`python -m benchmarks.cluster.costs` measures.

The command is loaded only here, as the processes that it starts load this module again.
"""

if __name__ == "__main__":
    from benchmarks.cluster.costs.command import main

    main(prog_name="python -m benchmarks.cluster.costs")
