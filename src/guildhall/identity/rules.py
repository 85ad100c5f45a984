"""Decisions of identity, without I/O."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import NAMESPACE_URL, UUID, uuid5

__all__ = ["Rotation", "identity_id", "name_key", "rotation", "standing"]


def name_key(name: str) -> str:
    """Give the form under which a name or address is unique: `Ada` and `ada` are one.

    Names that only look different to a program are one name (Unicode's NFKC). Of an address only
    the case is passed over: `straße.example` and `strasse.example` are two domains.
    """
    name = name.strip()
    return name.lower() if "@" in name else unicodedata.normalize("NFKC", name).casefold()


def identity_id(issuer: str, subject: str) -> UUID:
    """Give the id under which the door knows whom an issuer calls by this name."""
    return uuid5(NAMESPACE_URL, f"{issuer}\n{subject}")


def standing(password_hash: str | None) -> str:
    """Give a short mark of an account's password, by which it shows whether it was changed."""
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


class Rotation(Enum):
    """What a refresh token gets."""

    NEW_CHILD = auto()
    SAME_CHILD = auto()
    END_FAMILY = auto()


def rotation(
    presented: int, current: int, rotated_at: datetime, now: datetime, grace: timedelta
) -> Rotation:
    """Decide on a refresh token by its generation in the family.

    The newest is exchanged. Its parent gets the same child again within the grace, and only the
    immediate parent: an answer was lost, or two tabs asked at once. Anything older was stolen, or
    the newest was: the family ends (RFC 9700, section 4.14.2).
    """
    if presented == current:
        return Rotation.NEW_CHILD
    if presented == current - 1 and now - rotated_at <= grace:
        return Rotation.SAME_CHILD
    return Rotation.END_FAMILY
