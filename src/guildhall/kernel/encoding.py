"""Bytes as text, in addresses, tokens and cookies: base64url without padding (RFC 7515)."""

from __future__ import annotations

import base64

__all__ = ["base64url", "from_base64url"]


def base64url(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError for what is anything else."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
