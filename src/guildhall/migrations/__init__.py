"""Alembic: one line of history, each step forward and back."""
