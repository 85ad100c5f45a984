"""Signed tokens (JWT, RFC 7519; HS256)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cachetools import LRUCache
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from guildhall.kernel.errors import Unauthenticated

__all__ = ["TokenRefused", "Tokens"]

ALGORITHM = "HS256"
ISSUER = "guildhall"
REMEMBERED_TOKENS = 10_000
LONGEST_TOKEN = 2048


class TokenRefused(Unauthenticated):
    code = "token_invalid"
    detail = "This token is not valid here, or not any more. Sign in again."


class Tokens:
    """Signs tokens with the hall's key; reads what that key, or one used before it, has signed."""

    def __init__(self, secret_key: str, previous_keys: Sequence[str] = ()) -> None:
        self._keys = [OctKey.import_key(key) for key in (secret_key, *previous_keys)]
        # A signature that was right stays right, so it is checked once per token and process.
        # Whether the token is expired or its session ended is asked every time.
        self._verified: LRUCache[str, Mapping[str, Any]] = LRUCache(REMEMBERED_TOKENS)

    def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """Make a token of a type; the same claims give the same token."""
        return jwt.encode(
            {"alg": ALGORITHM, "typ": "JWT"}, {"iss": ISSUER, "typ": typ, **claims}, self._keys[0]
        )

    def read(self, token: str, typ: str, now: datetime) -> Mapping[str, Any]:
        """Give the claims of a token of that type.

        Raises TokenRefused if it is malformed, signed otherwise, of another type or expired.
        """
        claims = self._verified.get(token)
        if claims is None:
            if len(token) > LONGEST_TOKEN:
                raise TokenRefused
            claims = self._verified[token] = self._verify(token)
        expires_at = claims.get("exp")
        if (
            claims.get("iss") != ISSUER
            or claims.get("typ") != typ
            or not isinstance(expires_at, int)
            or expires_at <= now.timestamp()
        ):
            raise TokenRefused
        return claims

    def _verify(self, token: str) -> Mapping[str, Any]:
        for key in self._keys:
            try:
                return jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            except (JoseError, ValueError, TypeError):
                continue
        raise TokenRefused
