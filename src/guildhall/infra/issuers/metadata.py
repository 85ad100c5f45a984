"""What a provider says about itself (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

__all__ = ["ProviderMetadata", "is_safe_address"]

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ProviderMetadata:
    """Where a provider is asked for what."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None
    token_endpoint: str | None
    says_issuer: bool
    """Whether its answers to the browser name it (RFC 9207)."""
    takes_basic: bool
    """Whether a client shows its secret in the header, not in the form."""

    @classmethod
    def understood(cls, document: Mapping[str, Any], issuer: str) -> Self:
        """Raises ValueError if it is of another issuer, or leads to where nobody should go."""
        if document.get("issuer") != issuer:
            raise ValueError("of another issuer")
        addresses = {
            name: document.get(name)
            for name in ("jwks_uri", "authorization_endpoint", "token_endpoint")
        }
        for name, url in addresses.items():
            if url is not None and not is_safe_address(url, issuer):
                raise ValueError(f"{name} is not an https:// address")
        jwks_uri = addresses.pop("jwks_uri")
        if jwks_uri is None:
            raise ValueError("no jwks_uri")
        methods = document.get("token_endpoint_auth_methods_supported")
        return cls(
            issuer=issuer,
            jwks_uri=jwks_uri,
            says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            takes_basic=not isinstance(methods, list) or "client_secret_basic" in methods,
            **addresses,
        )


def is_safe_address(url: object, issuer: str) -> bool:
    """Tell whether an address goes over TLS; of an issuer on this machine, it may stay there."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = urlsplit(issuer).scheme == "http" and parts.hostname in LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))
