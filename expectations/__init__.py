"""What must be true of the values of a whole table, per layer, judged by Great Expectations inside DuckDB.

Here belong table rules: a broken one stops the run. Types are checked by the pyarrow schemas at write, relations by
the tests of the dbt project, and a single bad row goes to quarantine in staging. Nothing here knows the orchestrator.
"""
