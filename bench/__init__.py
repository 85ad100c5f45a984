"""Benchmarks: what the hall does, against a baseline that runs in the same run.

    python -m bench [a b c d] [--quick]

Each benchmark starts real processes on servers of its own, takes turns with its baseline (ours,
theirs, ours, theirs) and compares the medians of the rounds. So a ratio holds on any machine;
the absolute figures hold on this one only.
"""
