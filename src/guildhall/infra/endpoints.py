"""Where the servers are: what every process needs to know before it can do anything."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Endpoints"]


@dataclass(frozen=True, repr=False)
class Endpoints:
    """Addresses and the signing key. No repr: all four are secrets.

    `database_url` is `postgresql://user:password@host:port/name` or, over a Unix socket,
    `postgresql://user:password@/name?host=/directory&port=5432`; `redis_url` is `redis://…` or
    `unix:///path/to.sock?db=0`; `broker_url` is `amqp://…`, `redis://…` or `redis+socket:///path`.
    """

    database_url: str
    redis_url: str
    broker_url: str
    secret_key: str

    def as_environment(self) -> dict[str, str]:
        """Give the variables with which a child process finds the same servers."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "BROKER_URL": self.broker_url,
            "SECRET_KEY": self.secret_key,
        }
