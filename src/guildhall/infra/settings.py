"""What an operator can set: environment variables and `.env`, checked once at the start.

One class per concern; `Settings.load()` reads them all and reports every fault at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, get_type_hints

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = [
    "ApiSettings",
    "BrokerSettings",
    "CacheSettings",
    "DatabaseSettings",
    "HallSettings",
    "LogSettings",
    "OutboxSettings",
    "RateLimitSettings",
    "RedisSettings",
    "SecuritySettings",
    "Settings",
    "SettingsFault",
]

MIN_SECRET_LENGTH = 32
SPAN = re.compile(r"([1-9]\d{0,4}) ?(minute|hour|day|week)s?")


class SettingsFault(Exception):
    """The configuration cannot be used. Carries every fault, one line each, never a value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _Concern(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)


def _span(value: object) -> object:
    if not isinstance(value, str):
        return value
    if (said := SPAN.fullmatch(value.strip().lower())) is None:
        raise ValueError("say it as `30 minutes`, `12 hours`, `1 day` or `4 weeks`")
    return timedelta(**{f"{said[2]}s": int(said[1])})


Span = Annotated[timedelta, BeforeValidator(_span)]


def _of_schemes(url: SecretStr | None, *schemes: str) -> SecretStr | None:
    """Refuse an address of another kind, without repeating it: it holds a password."""
    if url is not None and url.get_secret_value().partition("://")[0] not in schemes:
        raise ValueError(f"must begin with {schemes[0]}://")
    return url


class HallSettings(_Concern):
    """The hall as a whole."""

    data_dir: Path = Field(Path("data"), description="Everything the hall keeps on this machine.")
    seed_starter_content: bool = Field(
        True, description="`guildhall up` loads the starter content."
    )


class DatabaseSettings(_Concern):
    """PostgreSQL. Unset: the hall runs its own under `DATA_DIR`."""

    database_url: SecretStr | None = Field(
        None, description="postgresql://user:password@host:port/name of an external PostgreSQL 16+."
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        return _of_schemes(url, "postgresql", "postgres", "postgresql+asyncpg")

    database_pool_size: int = Field(
        20, ge=1, le=500, description="Connections an API process keeps."
    )
    database_max_overflow: int = Field(30, ge=0, le=500, description="Connections above the pool.")
    database_pool_timeout_seconds: float = Field(
        5.0, gt=0, description="How long a request waits for a connection before it gets a 503."
    )


class RedisSettings(_Concern):
    """Redis or Valkey for cache, boards and limits. Unset: the hall runs its own."""

    redis_url: SecretStr | None = Field(None, description="redis://host:port/db or unix:///socket.")

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        return _of_schemes(url, "redis", "rediss", "unix")


class BrokerSettings(_Concern):
    """The Celery broker. Unset: the Redis above, database 1."""

    broker_url: SecretStr | None = Field(
        None, description="amqp://user:password@host// or redis://host:port/db."
    )
    worker_concurrency: int = Field(2, ge=1, le=256, description="Processes of one worker.")
    task_soft_limit_seconds: int = Field(300, ge=1, description="A task is asked to end.")
    task_hard_limit_seconds: int = Field(330, ge=2, description="A task is killed.")
    broker_visibility_timeout_seconds: int = Field(
        600, ge=3, description="Redis only: an unfinished task is delivered again after this."
    )

    @model_validator(mode="after")
    def _limits_nest(self) -> Self:
        if not (
            self.task_soft_limit_seconds
            < self.task_hard_limit_seconds
            < self.broker_visibility_timeout_seconds
        ):
            raise ValueError(
                "TASK_SOFT_LIMIT_SECONDS < TASK_HARD_LIMIT_SECONDS < "
                "BROKER_VISIBILITY_TIMEOUT_SECONDS must hold, or tasks run twice"
            )
        return self


class ApiSettings(_Concern):
    """Where and how the API listens."""

    api_host: str = Field("127.0.0.1", description="Address to listen on.")
    api_port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    api_workers: int = Field(1, ge=1, le=64, description="API processes.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Comma-separated origins that may call the API from a browser."
    )
    security_headers: bool = Field(True, description="Send nosniff, frame and referrer headers.")
    max_request_bytes: int = Field(1_048_576, ge=1024, description="Largest accepted body.")
    drain_seconds: int = Field(20, ge=0, description="How long a stop waits for open requests.")

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(filter(None, map(str.strip, value.split(","))))
            if isinstance(value, str)
            else value
        )


class SecuritySettings(_Concern):
    """Secrets and lifetimes. Unset secrets are generated once and kept in `DATA_DIR`."""

    secret_key: SecretStr | None = Field(
        None, description=f"Signs tokens; at least {MIN_SECRET_LENGTH} characters."
    )
    access_token_seconds: int = Field(1800, ge=60, description="Life of an access token.")
    refresh_token_seconds: int = Field(604_800, ge=300, description="Life of a refresh token.")
    refresh_grace_seconds: int = Field(
        30, ge=0, le=60, description="How long the parent of a refresh token gets its child again."
    )

    @field_validator("secret_key")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        secret = value.get_secret_value()
        if len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < 10:
            raise ValueError(f"needs at least {MIN_SECRET_LENGTH} characters that nobody can guess")
        return value


class RateLimitSettings(_Concern):
    """Requests a minute, counted in Redis across all processes."""

    rate_limit_enabled: bool = Field(True, description="Off only for tests of throughput.")
    rate_limit_member_per_minute: int = Field(600, ge=1, description="For one signed-in member.")
    rate_limit_public_per_minute: int = Field(600, ge=1, description="For one address.")
    rate_limit_sign_in_per_minute: int = Field(
        200, ge=1, description="Registrations, logins and refreshes from one address."
    )


class CacheSettings(_Concern):
    """The cache tiers."""

    cache_ttl: int = Field(3600, ge=1, description="Seconds, where a use states no own time.")
    cache_max_size: int = Field(1000, ge=1, description="Entries of the memory tier.")
    cache_cleanup_interval: int = Field(3600, ge=10, description="Seconds between file clean-ups.")


class LogSettings(_Concern):
    """Structured logs."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least urgent lines that are written."
    )
    log_format: Literal["json", "console"] = Field(
        "json",
        description="On standard output: `json` for machines, `console` for people.",
    )
    log_dir: Path | None = Field(
        None,
        description="Folder for files of JSON lines, besides standard output. Unset: none, but "
        "`guildhall up` keeps them in `DATA_DIR/logs`; empty: none there either.",
    )
    log_rotation: Span = Field(timedelta(days=1), description="How long one log file is used.")
    log_retention: Span = Field(
        timedelta(days=30), description="How long a log file is kept after its last line."
    )

    @field_validator("log_dir", mode="before")
    @classmethod
    def _empty_for_none(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _kept_while_used(self) -> Self:
        if self.log_retention < self.log_rotation:
            raise ValueError(
                "LOG_ROTATION <= LOG_RETENTION must hold, or a file is removed while it is used"
            )
        return self


class OutboxSettings(_Concern):
    """Delivery of events."""

    outbox_batch_size: int = Field(500, ge=1, le=5000, description="Events claimed at once.")
    outbox_lease_seconds: float = Field(
        30.0, gt=0, description="A batch not finished by then is handed over again."
    )
    outbox_poll_seconds: float = Field(
        1.0, gt=0, le=5, description="How often the relay looks for what no NOTIFY told of."
    )
    outbox_max_attempts: int = Field(8, ge=1, description="Failures before an event is parked.")


@dataclass(frozen=True)
class Settings:
    """All concerns together, read once in the entry point and handed on."""

    hall: HallSettings
    database: DatabaseSettings
    redis: RedisSettings
    broker: BrokerSettings
    api: ApiSettings
    security: SecuritySettings
    rate_limit: RateLimitSettings
    cache: CacheSettings
    log: LogSettings
    outbox: OutboxSettings

    @classmethod
    def load(cls) -> Self:
        """Read the environment and `.env`.

        Raises SettingsFault with one line per fault, over all concerns at once.
        """
        concerns: dict[str, _Concern] = {}
        faults: list[str] = []
        for name, concern in get_type_hints(cls).items():
            try:
                concerns[name] = concern()
            except ValidationError as error:
                faults.extend(_lines(error))
        if faults:
            raise SettingsFault(faults)
        return cls(**concerns)  # type: ignore[arg-type]  # the hints name the classes


def _lines(error: ValidationError) -> list[str]:
    """Name the setting and the fault; never the value, it may be a secret."""
    return [
        f"{'.'.join(map(str, fault['loc'])).upper() or 'settings'}:"
        f" {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_input=False, include_url=False)
    ]
