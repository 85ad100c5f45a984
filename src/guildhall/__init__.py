"""Guildhall: a hall for communities that learn, make things and level up together with AI."""

__version__ = "0.1.0"
