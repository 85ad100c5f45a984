"""What a provider is asked, and whether its answer is to be believed (OpenID Connect Core 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import structlog

from guildhall.identity.errors import (
    IdentityProviderNotFound,
    IdentityProviderRefused,
    IdentityProviderUnavailable,
)
from guildhall.infra.hall import Hall
from guildhall.infra.issuers import (
    ProviderMetadata,
    RemoteRefused,
    RemoteUnavailable,
    Unverified,
)
from guildhall.infra.settings import OidcProvider
from guildhall.infra.tokens import TokenRefused
from guildhall.kernel.encoding import base64url

__all__ = ["known", "metadata_of", "redirect_uri", "who_signed_in"]

log = structlog.get_logger()

HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def known(hall: Hall, name: str) -> OidcProvider:
    """Give the provider of that name. Raises IdentityProviderNotFound."""
    provider = hall.issuers.providers.get(name)
    if provider is None:
        raise IdentityProviderNotFound
    return provider


async def metadata_of(hall: Hall, provider: OidcProvider) -> ProviderMetadata:
    """Say where a provider is asked for what. Raises IdentityProviderUnavailable."""
    try:
        metadata = await hall.issuers.metadata(provider)
    except RemoteUnavailable:
        raise IdentityProviderUnavailable from None
    if metadata.authorization_endpoint is None or metadata.token_endpoint is None:
        raise IdentityProviderUnavailable
    return metadata


def redirect_uri(hall: Hall, provider: OidcProvider) -> str:
    """Give where a provider sends browsers back to: exactly this, as it was told beforehand."""
    return f"{hall.settings.api.origin}/api/v1/auth/oidc/{provider.name}/callback"


async def who_signed_in(
    hall: Hall,
    provider: OidcProvider,
    metadata: ProviderMetadata,
    code: str,
    *,
    verifier: str,
    nonce: str,
) -> Mapping[str, Any]:
    """Exchange a code for what the provider says of who signed in. No unit of work is open
    meanwhile. Raises IdentityProviderRefused or IdentityProviderUnavailable."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(hall, provider),
        "code_verifier": verifier,
    }
    authorization = None
    secret = provider.client_secret.get_secret_value() if provider.client_secret else None
    if secret is not None and metadata.takes_basic:
        both = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"  # RFC 6749, section 2.3.1
        authorization = f"Basic {base64.b64encode(both.encode()).decode()}"
    else:
        form |= {"client_id": provider.client_id} | ({"client_secret": secret} if secret else {})
    try:
        assert metadata.token_endpoint is not None
        given = await hall.issuers.post_form(metadata.token_endpoint, form, authorization)
        id_token, access_token = given.get("id_token"), given.get("access_token")
        if not isinstance(id_token, str):
            raise IdentityProviderRefused
        read = await hall.issuers.read_id_token(id_token, provider)
    except RemoteUnavailable as error:
        log.warning("identity_provider_away", provider=provider.name, reason=str(error))
        raise IdentityProviderUnavailable from None
    except (RemoteRefused, TokenRefused) as error:
        log.warning("oidc_sign_in_refused", provider=provider.name, reason=str(error))
        raise IdentityProviderRefused from None
    given_nonce = read.claims.get("nonce")
    if (
        not isinstance(given_nonce, str)
        or not hmac.compare_digest(given_nonce.encode(), nonce.encode())
        or not _goes_with(read, access_token)
    ):
        raise IdentityProviderRefused
    return read.claims


def _goes_with(id_token: Unverified, access_token: object) -> bool:
    """Tell whether both tokens were given out together, where the one says so (`at_hash`)."""
    at_hash = id_token.claims.get("at_hash")
    if at_hash is None:
        return True
    if not isinstance(at_hash, str) or not isinstance(access_token, str):
        return False
    digest = HASHES.get(id_token.algorithm[-3:], hashlib.sha512)(access_token.encode()).digest()
    expected = base64url(digest[: len(digest) // 2])
    return hmac.compare_digest(at_hash.encode(), expected.encode())
