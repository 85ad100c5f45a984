"""The WebSocket of conversations about goals."""

from __future__ import annotations

from fastapi import WebSocket

from guildhall.goals.interaction import Interaction
from guildhall.goals.routes.base import member
from guildhall.infra.http.access import socket
from guildhall.infra.http.streams import OpenStream, discuss

__all__: list[str] = []


@socket(member, "/ai/interact", changes=True)
async def interact(connection: WebSocket, stream: OpenStream) -> None:
    """Talk about one's goals, and say yes or no to what is proposed. See docs/conversation.md."""
    state = connection.app.state
    await discuss(connection, stream, Interaction(state.hall, state.entrance.door, stream))
