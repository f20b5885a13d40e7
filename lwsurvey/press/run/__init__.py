"""Runs chapters, one or many, here or on a cluster."""
