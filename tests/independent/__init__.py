"""The published tables once more, from raw rows and seeds, with sets, dictionaries and fractions alone.

Belongs here: a second reading of the documented definitions, one module a subject. Nothing is taken from the SQL or
from `orchestration`, so that an error stays unseen only if both sides make it. Not here: comparing (the tests), making
up ecosystems (tests/exactness).

    python -m tests.independent    rewrites tests/expected/*.csv from the recorded rows
"""
