"""Benchmarks of the book's instruments; they are run by hand, see the README beside this file."""
