"""Measures Hubscape beside its peers on a made-up Hub of any size: `python -m benchmarks`, or `make bench`.

Belongs here: the made-up Hub, one module per question, and the table of results. Nothing of the package imports it.
"""
