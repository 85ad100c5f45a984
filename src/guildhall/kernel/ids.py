"""Identifiers."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["new_id"]


def new_id() -> UUID:
    """Give a fresh UUIDv7 (RFC 9562): unique, and later ids sort after earlier ones."""
    return uuid7()
