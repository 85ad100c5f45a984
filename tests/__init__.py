"""Tests of the house. A package, so that no other `tests` in the environment is taken for it."""
