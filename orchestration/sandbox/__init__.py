"""A Hub on this machine for offline runs and tests; only the CLI, tests and benchmarks import it."""
