"""Signed tokens (JWT, RFC 7519; HS256)."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Signs and reads tokens with the hall's key."""

    def __init__(self, secret_key: str) -> None:
        self._key = OctKey.import_key(secret_key)
        # A signature that was right stays right, so it is checked once per token and process.
        # Whether the token is expired or its session ended is asked every time.
        self._verified: LRUCache[str, Mapping[str, Any]] = LRUCache(REMEMBERED_TOKENS)

    def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """Make a token of a type; the same claims give the same token."""
        return jwt.encode(
            {"alg": ALGORITHM, "typ": "JWT"}, {"iss": ISSUER, "typ": typ, **claims}, self._key
        )

    def read(self, token: str, typ: str, now: datetime) -> Mapping[str, Any]:
        """Give the claims of a token of that type.

        Raises TokenRefused if it is malformed, signed otherwise, of another type or expired.
        """
        claims = self._verified.get(token)
        if claims is None:
            if len(token) > LONGEST_TOKEN:
                raise TokenRefused
            try:
                claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            except (JoseError, ValueError, TypeError):
                raise TokenRefused from None
            self._verified[token] = claims
        expires_at = claims.get("exp")
        if (
            claims.get("iss") != ISSUER
            or claims.get("typ") != typ
            or not isinstance(expires_at, int)
            or expires_at <= now.timestamp()
        ):
            raise TokenRefused
        return claims
