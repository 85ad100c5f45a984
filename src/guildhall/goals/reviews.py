"""Spaced repetition: when what was learned is due again."""
