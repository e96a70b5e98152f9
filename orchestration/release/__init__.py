"""Turns marts into a release: Parquet, datapackage.json and a card in one folder, and audits those very bytes.

Knows no Dagster and no Hub: it takes a warehouse, a contract and facts about the run, and writes one folder.
"""
