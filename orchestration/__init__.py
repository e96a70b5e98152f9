"""Hubscape's orchestration: pulls a Hub's data, has dbt turn it into marts, checks every layer and publishes."""
