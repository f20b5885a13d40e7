"""The surveys' tables of networks, each cell measured on a network that runs.

A table is measured by a function that returns its cells by name, such as
``mobilenets.v1_body()``; ``tables.MEASURES`` has them by claim. `cells` holds them against
what the surveys print, which stands in the ledger only, and `tables` does so for all tables.
"""
