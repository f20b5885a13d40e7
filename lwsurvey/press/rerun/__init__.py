"""Recorded editions, and how a new run compares with them."""
