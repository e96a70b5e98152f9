"""How one raw table of one day comes about: crawled, taken from a dump, or a day of the past. Knows no Dagster.

What the checks have said of a snapshot it is told by its caller.
"""
