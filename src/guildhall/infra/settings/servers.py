"""The servers beneath the hall, and how it uses them."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from guildhall.infra.settings.base import Concern, of_schemes

__all__ = [
    "BrokerSettings",
    "CacheSettings",
    "DatabaseSettings",
    "OutboxSettings",
    "RedisSettings",
]


class DatabaseSettings(Concern):
    """PostgreSQL. Unset: the hall runs its own under `DATA_DIR`."""

    database_url: SecretStr | None = Field(
        None, description="postgresql://user:password@host:port/name of an external PostgreSQL 16+."
    )

    database_owner_url: SecretStr | None = Field(
        None,
        description="The same database for the owner of its tables, whom `guildhall up` and"
        " `guildhall migrate` then act for. The user of DATABASE_URL is in the role guildhall_app.",
    )

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        return of_schemes(url, "postgresql", "postgres", "postgresql+asyncpg")

    database_pool_size: int = Field(
        20, ge=1, le=500, description="Connections an API process keeps."
    )
    database_max_overflow: int = Field(30, ge=0, le=500, description="Connections above the pool.")
    database_pool_timeout_seconds: float = Field(
        5.0, gt=0, description="How long a request waits for a connection before it gets a 503."
    )


class RedisSettings(Concern):
    """Redis or Valkey for cache, boards and limits. Unset: the hall runs its own."""

    redis_url: SecretStr | None = Field(None, description="redis://host:port/db or unix:///socket.")

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        return of_schemes(url, "redis", "rediss", "unix")


class BrokerSettings(Concern):
    """The Celery broker. Unset: the Redis above, database 1."""

    broker_url: SecretStr | None = Field(
        None, description="amqp://user:password@host// or redis://host:port/db."
    )
    worker_concurrency: int = Field(2, ge=1, le=256, description="Processes of one worker.")
    task_soft_limit_seconds: int = Field(
        300, ge=1, description="Seconds until a task is asked to end."
    )
    task_hard_limit_seconds: int = Field(330, ge=2, description="Seconds until it is killed.")
    broker_visibility_timeout_seconds: int = Field(
        600, ge=3, description="Redis only: seconds until an unfinished task is delivered again."
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


class CacheSettings(Concern):
    """The cache tiers."""

    cache_ttl: int = Field(
        3600, ge=1, description="Seconds that an entry is kept, where its use states no own time."
    )
    cache_max_size: int = Field(1000, ge=1, description="Entries of the memory tier.")
    cache_cleanup_interval: int = Field(
        3600,
        ge=10,
        description="Seconds between file clean-ups. Not heeded yet: they come once an hour.",
    )


class OutboxSettings(Concern):
    """Delivery of events."""

    outbox_batch_size: int = Field(500, ge=1, le=5000, description="Events claimed at once.")
    outbox_lease_seconds: float = Field(
        30.0, gt=0, description="Seconds after which an unfinished batch is handed over again."
    )
    outbox_poll_seconds: float = Field(
        1.0,
        gt=0,
        le=5,
        description="Seconds between looks of the relay for what no NOTIFY told of.",
    )
    outbox_max_attempts: int = Field(8, ge=1, description="Failures before an event is parked.")
