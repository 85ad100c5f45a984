"""Where the servers are: what every process needs to know before it can do anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from guildhall.infra.settings import Settings, SettingsFault

__all__ = ["APP_ROLE", "Endpoints", "broker_beside"]

APP_ROLE = "guildhall_app"
"""The PostgreSQL role that every process of the hall acts as. It owns nothing."""


@dataclass(frozen=True, repr=False)
class Endpoints:
    """Addresses and the signing key. No repr: all of them are secrets.

    `owner_url` is the database for who makes and changes its tables, `database_url` for all others;
    they may be the same. They are `postgresql://user:password@host:port/name` or, over a Unix
    socket, `postgresql://user:password@/name?host=/directory&port=5432`. `redis_url` is
    `redis://…` or `unix:///path/to.sock?db=0`, `broker_url` is `amqp://…`, `redis://…` or `redis+socket:///path`.
    """

    database_url: str
    redis_url: str
    broker_url: str
    secret_key: str
    owner_url: str

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        """Give what the operator has set.

        Raises SettingsFault, naming each that is missing. BROKER_URL falls back to database 1 of
        a Redis given by REDIS_URL.
        """
        database, redis = settings.database.database_url, settings.redis.redis_url
        broker, secret = settings.broker.broker_url, settings.security.secret_key
        missing = [
            f"{name}: is not set; this process needs it (`guildhall up` brings its own servers)"
            for name, value in (
                ("DATABASE_URL", database),
                ("REDIS_URL", redis),
                ("SECRET_KEY", secret),
            )
            if value is None
        ]
        if database is None or redis is None or secret is None:
            raise SettingsFault(missing)
        redis_url = redis.get_secret_value()
        owner = settings.database.database_owner_url or database
        return cls(
            database.get_secret_value(),
            redis_url,
            broker.get_secret_value() if broker else broker_beside(redis_url),
            secret.get_secret_value(),
            owner.get_secret_value(),
        )

    def as_environment(self) -> dict[str, str]:
        """Give the variables with which a child process finds the same servers."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "BROKER_URL": self.broker_url,
            "SECRET_KEY": self.secret_key,
            "DATABASE_OWNER_URL": self.owner_url,
        }


def broker_beside(redis_url: str) -> str:
    """Give the broker URL for database 1 of a Redis, in the form that kombu understands."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host=1"
    return urlunsplit(parts._replace(path="/1"))
