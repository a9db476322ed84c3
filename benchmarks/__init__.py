"""Measurements as commands: `python -m benchmarks`. They compare within one run and print ratios."""
