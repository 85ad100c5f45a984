"""HTTP of live streams, and of the tickets that open them."""

from __future__ import annotations

from fastapi import Request, WebSocket

from guildhall.identity.routes.base import member
from guildhall.identity.schemas import TicketOut
from guildhall.infra import tickets
from guildhall.infra.http import hall_of
from guildhall.infra.http.access import socket
from guildhall.infra.http.entrance import STREAM
from guildhall.infra.http.streams import EventStream, OpenStream, converse

__all__: list[str] = []


@member.post("/auth/tickets", status_code=201)
async def make_ticket(request: Request) -> TicketOut:
    """Get a ticket: within 30 seconds it opens one stream, as `?ticket=…` in its address.

    For EventSource and WebSocket in a browser, which can send no header.
    """
    ticket = await tickets.issue(hall_of(request).redis, request.state.credential)
    return TicketOut(ticket=ticket, expires_in=tickets.TICKET_SECONDS)


@member.get("/live", response_class=EventStream, status_code=200, openapi_extra=STREAM)
async def live(stream: OpenStream) -> EventStream:
    """Hear at once what concerns you, as server-sent events: first `hello`, in the end `ended`.

    In between `xp`, `level`, `rank`, `badge`, `streak`, `boards`, `plan`, `conversation`, after the
    commit; what is in them, and that none is certain, says docs/signing-in.md. A WebSocket at the
    same address tells the same in JSON frames.
    """
    return EventStream(stream)


@socket(member, "/live")
async def live_socket(connection: WebSocket, stream: OpenStream) -> None:
    """Hear the same over a WebSocket, and keep it awake with `{"type": "ping"}`."""
    await converse(connection, stream)
