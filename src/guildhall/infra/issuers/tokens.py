"""Tokens of others (JWT, RFC 7519), taken apart with suspicion (RFC 8725)."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from guildhall.infra.issuers.jwks import PublicKey
from guildhall.infra.tokens import TokenRefused
from guildhall.kernel.encoding import from_base64url

__all__ = ["LEEWAY_SECONDS", "Unverified", "check_times", "is_signed_by", "take_apart"]

LONGEST_TOKEN = 8192
LONGEST_NAME = 255
LEEWAY_SECONDS = 60
LAST_INSTANT = float(1 << 53)


class _Registry(jws.JWSRegistry):
    """As long as the whole token may be, each of its parts may be."""

    max_header_length = LONGEST_TOKEN


@dataclass(frozen=True)
class Unverified:
    """A token that reads well. Nobody has said yet that it is true."""

    issuer: str
    algorithm: str
    kid: str | None
    typ: str | None
    claims: Mapping[str, Any]


def take_apart(token: str) -> Unverified:
    """Read a token without believing it; what its header says of where keys are is not read.

    Raises TokenRefused for what is malformed, ambiguous, or asks to be read in a special way.
    """
    if len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:
        raise TokenRefused
    header_part, claims_part, _ = token.split(".")
    header, claims = _object(header_part), _object(claims_part)
    issuer, algorithm = claims.get("iss"), header.get("alg")
    kid, typ = header.get("kid"), header.get("typ")
    if (
        not isinstance(issuer, str)
        or not isinstance(algorithm, str)
        or not isinstance(kid, str | None)
        or not isinstance(typ, str | None)
        or len(kid or "") > LONGEST_NAME
        or "crit" in header
        or "b64" in header
    ):
        raise TokenRefused
    return Unverified(issuer, algorithm, kid, typ, claims)


def is_signed_by(token: str, key: PublicKey, algorithm: str) -> bool:
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    try:
        with warnings.catch_warnings():
            # "EdDSA" has a better name since RFC 9864; issuers go on to use this one.
            warnings.simplefilter("ignore", SecurityWarning)
            jws.deserialize_compact(token, key, registry=registry)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """Raises TokenRefused unless it has begun and not ended. A minute's difference of clocks is
    forgiven at the beginning."""
    at = now.timestamp()
    expires_at = _instant(claims.get("exp"))
    if expires_at is None or expires_at <= at:
        raise TokenRefused
    for name in ("nbf", "iat"):
        begins_at = _instant(claims.get(name, 0))
        if begins_at is None or begins_at > at + LEEWAY_SECONDS:
            raise TokenRefused


def _instant(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) < LAST_INSTANT else None


def _object(part: str) -> Mapping[str, Any]:
    try:
        read = json.loads(
            from_base64url(part),
            object_pairs_hook=_without_repetition,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError):
        raise TokenRefused from None
    if not isinstance(read, dict):
        raise TokenRefused
    return read


def _without_repetition(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a name occurs twice: who reads the first and who the last disagree")
    return read


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
