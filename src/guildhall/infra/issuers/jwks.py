"""Keys that an issuer publishes (JWKS, RFC 7517), and which of them may check which signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

__all__ = ["Jwks", "PublicKey"]

PublicKey = RSAKey | ECKey | OKPKey

MOST_KEYS = 100
RSA_BITS = range(2048, 8193)  # Below it is broken, above it is a way to keep us busy.
PUBLIC_PARTS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
KEY_TYPE = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
CURVE = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519"}


@dataclass(frozen=True)
class _Published:
    kid: str | None
    algorithm: str | None
    curve: str | None
    kty: str
    key: PublicKey


class Jwks:
    """The public keys of an issuer that are good for checking signatures."""

    def __init__(self, keys: Sequence[_Published]) -> None:
        self._keys = keys

    @classmethod
    def understood(cls, document: Mapping[str, Any]) -> Jwks:
        """Read a key set; keys that are of no use, secret, or not public any more are left out.

        Raises ValueError if nothing is left.
        """
        listed = document.get("keys")
        if not isinstance(listed, list) or len(listed) > MOST_KEYS:
            raise ValueError("no list of keys")
        keys = [key for key in map(_read, listed) if key is not None]
        if not keys:
            raise ValueError("no key of use in it")
        return cls(keys)

    def key_for(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """Give the key of that name that fits the algorithm; without a name, the only one."""
        fitting = [
            published.key
            for published in self._keys
            if (kid is None or published.kid == kid)
            and published.kty == KEY_TYPE[algorithm[:2]]
            and published.algorithm in (None, algorithm)
            and published.curve == CURVE.get(algorithm)
        ]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None


def _read(jwk: object) -> _Published | None:
    if not isinstance(jwk, dict) or PRIVATE_PARTS & jwk.keys():
        return None
    kty, kid, algorithm = jwk.get("kty"), jwk.get("kid"), jwk.get("alg")
    operations = jwk.get("key_ops", ["verify"])
    if (
        kty not in PUBLIC_PARTS
        or jwk.get("use", "sig") != "sig"
        or not isinstance(operations, list)
        or "verify" not in operations
        or not isinstance(kid, str | None)
        or not isinstance(algorithm, str | None)
    ):
        return None
    parts = {"kty": kty} | {part: jwk.get(part) for part in PUBLIC_PARTS[kty]}
    try:
        key = _import(parts)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size not in RSA_BITS:
        return None
    return _Published(kid, algorithm, parts.get("crv"), kty, key)


def _import(parts: dict[str, Any]) -> PublicKey:
    match parts["kty"]:
        case "RSA":
            return RSAKey.import_key(parts)
        case "EC":
            return ECKey.import_key(parts)
        case _:
            return OKPKey.import_key(parts)
