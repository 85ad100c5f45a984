"""What an operator can set: environment variables and `.env`, checked once at the start.

One class per concern; `Settings.load()` reads them all and reports every fault at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, get_type_hints

from pydantic import ValidationError

from guildhall.infra.settings.ai import AiSettings
from guildhall.infra.settings.api import ApiSettings, RateLimitSettings
from guildhall.infra.settings.base import Concern
from guildhall.infra.settings.hall import HallSettings, LogSettings
from guildhall.infra.settings.llm import EMBEDDINGS, LlmProvider, LlmSettings, TokenPrice
from guildhall.infra.settings.mail import MailSettings
from guildhall.infra.settings.security import (
    ExternalIssuer,
    OidcProvider,
    SecuritySettings,
    SignInSettings,
)
from guildhall.infra.settings.servers import (
    BrokerSettings,
    CacheSettings,
    DatabaseSettings,
    OutboxSettings,
    RedisSettings,
)

__all__ = [
    "EMBEDDINGS",
    "AiSettings",
    "ApiSettings",
    "BrokerSettings",
    "CacheSettings",
    "DatabaseSettings",
    "ExternalIssuer",
    "HallSettings",
    "LlmProvider",
    "LlmSettings",
    "LogSettings",
    "MailSettings",
    "OidcProvider",
    "OutboxSettings",
    "RateLimitSettings",
    "RedisSettings",
    "SecuritySettings",
    "Settings",
    "SettingsFault",
    "SignInSettings",
    "TokenPrice",
]


class SettingsFault(Exception):
    """The configuration cannot be used. Carries every fault, one line each, never a value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Settings:
    """All concerns together, read once in the entry point and handed on."""

    hall: HallSettings
    database: DatabaseSettings
    redis: RedisSettings
    broker: BrokerSettings
    api: ApiSettings
    security: SecuritySettings
    sign_in: SignInSettings
    mail: MailSettings
    rate_limit: RateLimitSettings
    cache: CacheSettings
    log: LogSettings
    outbox: OutboxSettings
    llm: LlmSettings
    ai: AiSettings

    @classmethod
    def load(cls) -> Self:
        """Read the environment and `.env`.

        Raises SettingsFault with one line per fault, over all concerns at once.
        """
        concerns: dict[str, Concern] = {}
        faults: list[str] = []
        for name, concern in get_type_hints(cls).items():
            try:
                concerns[name] = concern()
            except ValidationError as error:
                faults.extend(_lines(error))
        if faults:
            raise SettingsFault(faults)
        settings = cls(**concerns)  # type: ignore[arg-type]  # the hints name the classes
        if faults := list(settings._not_for_production()):
            raise SettingsFault(faults)
        return settings

    def _not_for_production(self) -> Iterator[str]:
        """Name what must not stay as it is once strangers can reach the hall."""
        if self.hall.hall_mode != "production":
            return
        if not (self.api.public_url or "").startswith("https://"):
            yield "PUBLIC_URL: must be set in production, and begin with https://"
        if "*" in self.api.accepted_hosts:
            yield "TRUSTED_HOSTS: must name hosts in production"


def _lines(error: ValidationError) -> list[str]:
    """Name the setting and the fault; never the value, it may be a secret."""
    return [
        f"{'.'.join(map(str, fault['loc'])).upper() or 'settings'}:"
        f" {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_input=False, include_url=False)
    ]
