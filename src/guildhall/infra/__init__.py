"""Mechanisms without policy: how the house keeps, moves, limits and tells things."""
