"""`python -m benchmarks` runs the harness.

It is loaded only here, as the processes that it starts load this module again.
"""

if __name__ == "__main__":
    from benchmarks.harness import main

    main(prog_name="python -m benchmarks")
