"""Where and how the API listens, and what it takes from whom."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from guildhall.infra.settings.base import CommaSeparated, Concern

__all__ = ["ApiSettings", "RateLimitSettings"]

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


class ApiSettings(Concern):
    """Where and how the API listens."""

    api_host: str = Field("127.0.0.1", description="Address to listen on.")
    api_port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    api_workers: int = Field(1, ge=1, le=64, description="API processes.")
    public_url: str | None = Field(
        None,
        description="Where members reach the hall, such as https://hall.example.org; links in"
        " mails, sign-in by OIDC and passkeys need it. Unset: http://localhost:API_PORT.",
    )
    trusted_hosts: CommaSeparated = Field(
        (),
        description="Comma-separated names that requests may ask for in `Host`; `*` for any."
        " Unset: that of PUBLIC_URL and, on this machine, localhost; any if API_HOST is not"
        " a loopback address and PUBLIC_URL is unset.",
    )
    trusted_proxies: CommaSeparated = Field(
        (),
        description="Comma-separated addresses or networks of proxies whose `X-Forwarded-For` and"
        " `X-Forwarded-Proto` are believed. Unset: nobody's.",
    )
    cors_origins: CommaSeparated = Field(
        (), description="Comma-separated origins that may call the API from a browser."
    )
    security_headers: bool = Field(
        True, description="Send headers that tell browsers what not to do with answers."
    )
    max_request_bytes: int = Field(1_048_576, ge=1024, description="Largest accepted body.")
    request_body_seconds: float = Field(
        15.0, gt=0, description="How long the head of a request, and its body, may take to arrive."
    )
    request_seconds: float = Field(
        30.0, gt=0, description="How long an answer may take to begin, before it is a 503."
    )
    drain_seconds: int = Field(20, ge=0, description="How long a stop waits for open requests.")

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError("must be an origin such as https://hall.example.org, without a path")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("cors_origins")
    @classmethod
    def _exact(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
                raise ValueError("must name origins such as https://app.example.org, no `*`")
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(
                    "must list addresses or networks such as 10.0.0.0/8, no names, no `*`"
                ) from None
        return proxies

    @model_validator(mode="after")
    def _hosts_are_names(self) -> Self:
        if any("/" in host for host in self.trusted_hosts):
            raise ValueError("TRUSTED_HOSTS has names such as hall.example.org, no addresses")
        return self

    @property
    def origin(self) -> str:
        """Where members reach the hall: scheme, host and port, without a slash at the end."""
        return self.public_url or f"http://localhost:{self.api_port}"

    @property
    def accepted_hosts(self) -> tuple[str, ...]:
        """The names in `Host` that are answered; `*` is any."""
        if self.trusted_hosts:
            return self.trusted_hosts
        public = (urlsplit(self.public_url).hostname or "",) if self.public_url else ()
        if _is_loopback(self.api_host):
            return (*LOOPBACK_HOSTS, self.api_host, *public)
        return public or ("*",)


class RateLimitSettings(Concern):
    """Requests a minute, counted in Redis across all processes."""

    rate_limit_enabled: bool = Field(True, description="Off only for tests of throughput.")
    rate_limit_member_per_minute: int = Field(
        600, ge=1, description="For one signed-in member; an API key counts for itself."
    )
    rate_limit_public_per_minute: int = Field(600, ge=1, description="For one address.")
    rate_limit_sign_in_per_minute: int = Field(
        200,
        ge=1,
        description="From one address: registrations, sign-ins, codes, refreshes, resets, and what"
        " comes with ADMIN_SECRET_KEY.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
