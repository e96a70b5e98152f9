"""Made-up ecosystems on which the project's own SQL and the independent recomputation have to agree."""
