"""The issuers of this hall: who may say who somebody is, and whether it was them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cachetools import LRUCache
from redis.asyncio import Redis

from guildhall.infra.issuers.documents import RemoteDocument
from guildhall.infra.issuers.jwks import Jwks, PublicKey
from guildhall.infra.issuers.metadata import ProviderMetadata
from guildhall.infra.issuers.outbound import Outbound, RemoteUnavailable
from guildhall.infra.issuers.tokens import Unverified, check_times, is_signed_by, take_apart
from guildhall.infra.settings import ExternalIssuer, OidcProvider, SignInSettings
from guildhall.infra.tokens import TokenRefused
from guildhall.kernel.clock import Clock

__all__ = ["Issuers"]

REMEMBERED_TOKENS = 10_000
LONGEST_SUBJECT = 255
KEYS_REST_SECONDS = 60
METADATA_REST_SECONDS = 5  # A provider that was away for a moment is missed by people.
ACCESS_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})


class Issuers:
    """Reads tokens of others. One per process."""

    def __init__(
        self, outbound: Outbound, redis: Redis, clock: Clock, settings: SignInSettings
    ) -> None:
        self._outbound, self._redis, self._clock = outbound, redis, clock
        self.external: Mapping[str, ExternalIssuer] = {
            issuer.issuer: issuer for issuer in settings.external_issuers
        }
        self.providers: Mapping[str, OidcProvider] = {
            provider.name: provider for provider in settings.oidc_providers
        }
        self._metadata = {
            issuer: self._published_metadata(issuer)
            for issuer in {*self.external, *(p.issuer for p in settings.oidc_providers)}
        }
        self._provider_keys = {
            provider.issuer: self._published_keys(provider.issuer, None)
            for provider in settings.oidc_providers
        }
        self._external_keys = {
            issuer.issuer: self._published_keys(issuer.issuer, issuer.jwks_url)
            for issuer in settings.external_issuers
        }
        # As with the hall's own tokens: a signature is checked once, under a key that still holds.
        self._verified: LRUCache[str, tuple[Unverified, PublicKey]] = LRUCache(REMEMBERED_TOKENS)

    async def metadata(self, provider: OidcProvider) -> ProviderMetadata:
        """Say where a provider is asked for what. Raises RemoteUnavailable."""
        metadata = await self._metadata[provider.issuer].get()
        if metadata is None:
            raise RemoteUnavailable(provider.issuer)
        return metadata

    async def post_form(
        self, url: str, form: Mapping[str, str], authorization: str | None
    ) -> Mapping[str, Any]:
        """Raises RemoteUnavailable or RemoteRefused."""
        return await self._outbound.post_form(url, form, authorization)

    async def read_access_token(self, token: str) -> Mapping[str, Any]:
        """Give the claims of an access token of an external issuer. Raises TokenRefused."""
        remembered = self._verified.get(token)
        unverified = remembered[0] if remembered else take_apart(token)
        issuer = self.external.get(unverified.issuer)
        if issuer is None:
            raise TokenRefused
        _check_purpose(unverified, issuer)
        check_times(unverified.claims, self._clock.now())
        keys = self._external_keys[issuer.issuer]
        key = await _key(keys, unverified, issuer.algorithms)
        if remembered is None or remembered[1] is not key:
            if not is_signed_by(token, key, unverified.algorithm):
                raise TokenRefused
            self._verified[token] = unverified, key
        return unverified.claims

    async def read_id_token(self, token: str, provider: OidcProvider) -> Unverified:
        """Give an ID token that a provider has signed for this hall, and that has not ended.

        Raises TokenRefused; RemoteUnavailable without its keys.
        """
        unverified = take_apart(token)
        claims = unverified.claims
        audience = _audience(claims)
        if (
            unverified.issuer != provider.issuer
            or (unverified.typ or "JWT").lower() != "jwt"
            or provider.client_id not in audience
            or claims.get("azp", provider.client_id) != provider.client_id
            or (len(audience) > 1 and "azp" not in claims)
        ):
            raise TokenRefused
        _check_subject(claims)
        check_times(claims, self._clock.now())
        keys = self._provider_keys[provider.issuer]
        if unverified.algorithm in provider.algorithms and await keys.get() is None:
            raise RemoteUnavailable(provider.issuer)
        key = await _key(keys, unverified, provider.algorithms)
        if not is_signed_by(token, key, unverified.algorithm):
            raise TokenRefused
        return unverified

    def _published_metadata(self, issuer: str) -> RemoteDocument[ProviderMetadata]:
        async def address() -> str:
            return f"{issuer.rstrip('/')}/.well-known/openid-configuration"

        return RemoteDocument(
            self._outbound,
            self._redis,
            self._clock,
            f"metadata {issuer}",
            address=address,
            understand=lambda document: ProviderMetadata.understood(document, issuer),
            rest_seconds=METADATA_REST_SECONDS,
        )

    def _published_keys(self, issuer: str, jwks_url: str | None) -> RemoteDocument[Jwks]:
        async def address() -> str:
            if jwks_url is not None:
                return jwks_url
            metadata = await self._metadata[issuer].get()
            if metadata is None:
                raise RemoteUnavailable(f"{issuer}: no metadata")
            return metadata.jwks_uri

        return RemoteDocument(
            self._outbound,
            self._redis,
            self._clock,
            f"keys {issuer} {jwks_url or ''}",
            address=address,
            understand=Jwks.understood,
            rest_seconds=KEYS_REST_SECONDS,
        )


async def _key(
    keys: RemoteDocument[Jwks], unverified: Unverified, algorithms: Collection[str]
) -> PublicKey:
    """Give the key that must have signed. Only for a key that is not there is the issuer asked."""
    kid, algorithm = unverified.kid, unverified.algorithm
    if algorithm not in algorithms:
        raise TokenRefused
    published = await keys.get(lambda those: those.key_for(kid, algorithm) is not None)
    key = published.key_for(kid, algorithm) if published else None
    if key is None:
        raise TokenRefused
    return key


def _check_purpose(unverified: Unverified, issuer: ExternalIssuer) -> None:
    """Raises TokenRefused unless it is an access token, and meant for this hall."""
    claims, typ = unverified.claims, unverified.typ
    if issuer.token_type is not None:
        right_type = typ == issuer.token_type
    else:
        right_type = (typ or "JWT").lower() in ACCESS_TYPES and not OF_ID_TOKENS & claims.keys()
    if (
        not right_type
        or (issuer.audience is not None and issuer.audience not in _audience(claims))
        or (issuer.authorized_parties and claims.get("azp") not in issuer.authorized_parties)
    ):
        raise TokenRefused
    _check_subject(claims)


def _check_subject(claims: Mapping[str, Any]) -> None:
    subject = claims.get("sub")
    if (
        not isinstance(subject, str)
        or not 1 <= len(subject) <= LONGEST_SUBJECT
        or not subject.isprintable()
    ):
        raise TokenRefused


def _audience(claims: Mapping[str, Any]) -> list[object]:
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [audience]
