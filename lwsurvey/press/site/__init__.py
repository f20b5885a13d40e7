"""Builds the static site from pages and executed notebooks."""
