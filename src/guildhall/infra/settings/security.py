"""Secrets, lifetimes, and who else may say who somebody is."""

from __future__ import annotations

import base64
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    field_validator,
    model_validator,
)

from guildhall.infra.settings.base import Concern

__all__ = ["ExternalIssuer", "OidcProvider", "SecuritySettings", "SignInSettings"]

MIN_SECRET_LENGTH = 32
SEALING_KEY = re.compile(r"[a-z0-9]{1,16}:[A-Za-z0-9+/_-]{43}=?")
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""What an external issuer may sign with. Never an algorithm with a shared secret."""


def _strong(secret: str) -> str:
    if len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < 10:
        raise ValueError(f"needs at least {MIN_SECRET_LENGTH} characters that nobody can guess")
    return secret


def _over_tls(url: str) -> str:
    """Take https only; http for a server on this machine."""
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and local)):
        raise ValueError("must begin with https:// (http:// only on this machine)")
    return url.rstrip("/") if not parts.path.strip("/") else url


class _Issuer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(description="Exactly what stands in `iss`.")
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "ES256")

    @field_validator("issuer")
    @classmethod
    def _reached_safely(cls, url: str) -> str:
        _over_tls(url)
        return url


class OidcProvider(_Issuer):
    """A provider that members can sign in with (OpenID Connect, code flow with PKCE)."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", description="Its part of the address.")
    title: str | None = Field(None, max_length=60, description="What its button says.")
    client_id: str
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")


class ExternalIssuer(_Issuer):
    """Somebody whose JWTs are taken as bearer tokens, such as Clerk."""

    audience: str | None = Field(None, description="What `aud` must contain.")
    authorized_parties: tuple[str, ...] = Field((), description="One of these must be `azp`.")
    jwks_url: str | None = Field(None, description="Unset: from the issuer's discovery document.")
    username_claim: str = "preferred_username"
    token_type: str | None = Field(None, description="What `typ` in the header must be, if set.")

    @field_validator("jwks_url")
    @classmethod
    def _fetched_safely(cls, url: str | None) -> str | None:
        return None if url is None else _over_tls(url)

    @model_validator(mode="after")
    def _meant_for_us(self) -> Self:
        if self.audience is None and not self.authorized_parties:
            raise ValueError("needs `audience` or `authorized_parties`, or any of its tokens fits")
        return self


class SecuritySettings(Concern):
    """Secrets and lifetimes. `guildhall up` makes a SECRET_KEY and keeps it in `DATA_DIR`."""

    secret_key: SecretStr | None = Field(
        None, description=f"Signs tokens; at least {MIN_SECRET_LENGTH} characters."
    )
    previous_secret_keys: tuple[SecretStr, ...] = Field(
        (),
        description='JSON list of secret keys used before, such as ["…"]: what they signed or'
        " sealed can still be read.",
    )
    encryption_keys: tuple[SecretStr, ...] = Field(
        (),
        description='JSON list of keys for sealed columns, the newest first, such as ["k1:…"]: a'
        " short name and 32 bytes in base64. Unset: one derived from SECRET_KEY.",
    )
    admin_secret_key: SecretStr | None = Field(
        None,
        description="Opens admin endpoints to scripts that send it as `X-Admin-Secret-Key`; at"
        f" least {MIN_SECRET_LENGTH} characters. Unset: no such header opens anything.",
    )
    access_token_seconds: int = Field(1800, ge=60, description="Life of an access token.")
    refresh_token_seconds: int = Field(
        604_800, ge=300, description="Life of a refresh token: how long a session may stay unused."
    )
    refresh_grace_seconds: int = Field(
        30, ge=0, le=60, description="How long the parent of a refresh token gets its child again."
    )
    session_seconds: int = Field(
        2_592_000, ge=300, description="Life of a session, however often it is refreshed."
    )
    reauthentication_seconds: int = Field(
        600, ge=30, description="How recent a sign-in must be for sensitive changes."
    )
    deletion_grace_days: int = Field(
        14, ge=0, le=365, description="Days from the deletion of an account to its erasure."
    )
    banned_passwords: FilePath | None = Field(
        None,
        description="File of passwords to refuse, one a line, besides the 30,000 commonest.",
    )

    @field_validator("secret_key", "admin_secret_key")
    @classmethod
    def _unguessable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _strong(value.get_secret_value())
        return value

    @field_validator("previous_secret_keys")
    @classmethod
    def _all_unguessable(cls, values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for value in values:
            _strong(value.get_secret_value())
        return values

    @field_validator("encryption_keys")
    @classmethod
    def _named_keys(cls, values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        keys = [_named_key(value) for value in values]
        if len({name for name, _ in keys}) < len(keys):
            raise ValueError("must have names that differ")
        return values

    @property
    def named_keys(self) -> list[tuple[str, bytes]]:
        """The keys for sealed columns, by name, the newest first."""
        return [_named_key(value) for value in self.encryption_keys]


class SignInSettings(Concern):
    """Other ways in than a password."""

    oidc_providers: tuple[OidcProvider, ...] = Field(
        (),
        description="JSON list of providers that members can sign in with: name, issuer,"
        " client_id, client_secret and, if need be, title, scopes, algorithms.",
    )
    external_issuers: tuple[ExternalIssuer, ...] = Field(
        (),
        description="JSON list of issuers whose JWTs are taken as bearer tokens: issuer, audience"
        " or authorized_parties and, if need be, jwks_url, algorithms, username_claim, token_type.",
    )

    @model_validator(mode="after")
    def _no_name_twice(self) -> Self:
        for names in (
            [provider.name for provider in self.oidc_providers],
            [issuer.issuer for issuer in self.external_issuers],
        ):
            if len(set(names)) < len(names):
                raise ValueError("OIDC_PROVIDERS and EXTERNAL_ISSUERS must name each only once")
        return self


def _named_key(value: SecretStr) -> tuple[str, bytes]:
    name, _, encoded = value.get_secret_value().partition(":")
    if SEALING_KEY.fullmatch(value.get_secret_value()) is None:
        raise ValueError("must be names and 32 bytes in base64, such as k1:AAAA…=")
    url_safe = encoded.rstrip("=").replace("+", "-").replace("/", "_")
    return name, base64.urlsafe_b64decode(f"{url_safe}=")
