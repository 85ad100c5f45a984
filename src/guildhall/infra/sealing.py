"""Sealed columns: values that a copy of the database does not give away.

AES-256-GCM (NIST SP 800-38D). Each value says which key sealed it, so several can be in use while
`guildhall rotate-keys` brings everything under the newest. It is bound to its place: moved to
another row or column, it does not open.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import text

from guildhall.infra.settings import SecuritySettings
from guildhall.infra.unit_of_work import UnitsOfWork

__all__ = ["SealBroken", "SealedColumn", "Sealer", "reseal"]

NONCE_BYTES = 12
KEY_BYTES = 32
ROWS_AT_ONCE = 500


class SealBroken(Exception):
    """A sealed value does not open: its key is not here, or it was tampered with. A defect."""


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed values, one a member: `user_id` is the table's key."""

    table: str
    column: str

    def place(self, user_id: UUID) -> bytes:
        return f"{self.table}.{self.column}:{user_id}".encode()


class Sealer:
    """Seals with the first key, opens with any. A sealed value is `name NUL nonce ciphertext`."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._name = keys[0][0].encode()
        self._keys = {name.encode(): AESGCM(key) for name, key in keys}

    @classmethod
    def of(cls, settings: SecuritySettings, secret_key: str) -> Self:
        """Take ENCRYPTION_KEYS, then the keys that follow from SECRET_KEY and those before it."""
        secrets = [secret_key, *(key.get_secret_value() for key in settings.previous_secret_keys)]
        return cls([*settings.named_keys, *map(_derived, secrets)])

    def seal(self, plain: bytes, place: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self._name].encrypt(nonce, plain, place)
        return self._name + b"\0" + nonce + sealed

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Raises SealBroken."""
        name, _, rest = sealed.partition(b"\0")
        key = self._keys.get(name)
        if key is None:
            raise SealBroken(f"no key {name.decode('ascii', 'replace')!r}; see ENCRYPTION_KEYS")
        try:
            return key.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], place)
        except InvalidTag:
            raise SealBroken("a sealed value was changed, or moved to another place") from None

    @property
    def current_prefix(self) -> bytes:
        """With what every value begins that the first key has sealed."""
        return self._name + b"\0"


async def reseal(units: UnitsOfWork, sealer: Sealer, columns: Sequence[SealedColumn]) -> int:
    """Seal with the newest key what an older one has sealed; give the number of values.

    Can be stopped and begun anew; a value that changes meanwhile is left to who changed it.
    Raises SealBroken.
    """
    number = 0
    for each in columns:
        find = text(
            f"SELECT user_id, {each.column} AS sealed FROM {each.table}"
            f" WHERE substring({each.column} FOR :length) <> :prefix LIMIT :rows"
        )
        change = text(
            f"UPDATE {each.table} SET {each.column} = :new"
            f" WHERE user_id = :user_id AND {each.column} = :old"
        )
        prefix = sealer.current_prefix
        looked: dict[str, Any] = {"length": len(prefix), "prefix": prefix, "rows": ROWS_AT_ONCE}
        while True:
            async with units.write() as uow:
                rows = (await uow.session.execute(find, looked)).all()
                for user_id, old in rows:
                    place = each.place(user_id)
                    new = sealer.seal(sealer.open(old, place), place)
                    await uow.session.execute(change, {"user_id": user_id, "old": old, "new": new})
            number += len(rows)
            if len(rows) < ROWS_AT_ONCE:
                break
    return number


def _derived(secret_key: str) -> tuple[str, bytes]:
    key = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"guildhall sealed columns").derive(
        secret_key.encode()
    )
    # Named after itself, as it has no other name; of a hash, eight digits give nothing away.
    return f"derived-{hashlib.sha256(key).hexdigest()[:8]}", key
