"""Counts every network of timm and torchvision: ``python -m benchmarks.sweep`` makes the tables."""
