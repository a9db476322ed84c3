"""Measurements as commands: `python -m benchmarks`. Each run prints figures and their ratios."""
