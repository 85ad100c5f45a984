"""What the hall's processes tell each other over Redis at once, and nobody keeps."""

from __future__ import annotations

from enum import StrEnum

from redis.asyncio import Redis

__all__ = ["Channel", "channel_of"]


class Channel(StrEnum):
    SESSIONS = "sessions"
    """Ids of sessions that have changed or ended."""
    MEMBERS = "live"
    """What is told to members."""
    HALL = "live:hall"
    """What is told to everybody."""


def channel_of(redis: Redis, channel: Channel) -> str:
    """Give a channel's name on a server. Databases share channels, and halls may share a server
    with a database each: so the name has the database's number."""
    return f"{channel}@{redis.connection_pool.connection_kwargs.get('db') or 0}"
