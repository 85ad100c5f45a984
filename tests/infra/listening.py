"""Hearing what a hall's processes are told over Redis, for members and for the hall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from redis.asyncio.client import PubSub

from guildhall.infra.channels import Channel, channel_of
from guildhall.infra.hall import Hall
from tests.infra.serving import PATIENCE_SECONDS

THAT_IS_ALL = b"that is all"


@asynccontextmanager
async def ear(hall: Hall) -> AsyncIterator[PubSub]:
    """Listen to what processes are told, for members and for the hall."""
    async with hall.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        channels = [channel_of(hall.redis, each) for each in (Channel.MEMBERS, Channel.HALL)]
        await pubsub.subscribe(*channels)
        for _ in channels:
            await pubsub.get_message(timeout=PATIENCE_SECONDS)
        yield pubsub


async def heard(hall: Hall, pubsub: PubSub) -> list[tuple[Channel, Any]]:
    """Give the messages so far, in order, each with the channel it came by."""
    await hall.redis.publish(channel_of(hall.redis, Channel.MEMBERS), THAT_IS_ALL)
    messages: list[tuple[Channel, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            message = await pubsub.get_message(timeout=PATIENCE_SECONDS)
            if message is None:
                continue
            if message["data"] == THAT_IS_ALL:
                return messages
            channel = Channel(message["channel"].decode().partition("@")[0])
            messages.append((channel, orjson.loads(message["data"])))


async def told(hall: Hall, pubsub: PubSub) -> list[list[Any]]:
    """Give what members were told, of all messages together."""
    return [
        news
        for channel, batch in await heard(hall, pubsub)
        if channel is Channel.MEMBERS
        for news in batch
    ]
