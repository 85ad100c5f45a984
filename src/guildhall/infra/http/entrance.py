"""The entrance: what a request shows, read into a credential, and taken to the door."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast
from uuid import UUID

from fastapi import Request
from starlette.requests import HTTPConnection

from guildhall.infra.door import Credential, Door, Kind
from guildhall.infra.handles import API_KEY_PREFIX, read_handle
from guildhall.infra.http.credentials import (
    SAFE_METHODS,
    check_csrf_token,
    check_same_site,
    shown_by,
)
from guildhall.infra.http.work import request_address
from guildhall.infra.tokens import TokenRefused, Tokens
from guildhall.kernel.clock import Clock
from guildhall.kernel.errors import Unauthenticated
from guildhall.kernel.member import OPERATOR_ID, Member, Role

__all__ = ["EVENT_STREAM", "STREAM", "Access", "Entrance", "asks_for_events", "method_of"]

EVENT_STREAM = "text/event-stream"
STREAM = {"x-stream": True}
"""What `openapi_extra` says of a route whose answer is a stream: tickets open no other."""


class Access(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    MEMBER = "member"
    ADMIN = "admin"


class NotSignedIn(Unauthenticated):
    code = "not_signed_in"
    detail = "Sign in first: this address needs a bearer token, a cookie or an API key."


class ApiKeyInvalid(Unauthenticated):
    code = "api_key_invalid"
    detail = "This is no API key, or not all of one. Check how it was copied."


class AdminSecretWrong(Unauthenticated):
    code = "admin_secret_wrong"
    detail = "This secret opens nothing here."


class TicketInvalid(Unauthenticated):
    code = "ticket_invalid"
    detail = "This ticket was used, or is older than 30 seconds. Ask for another one."


OPERATOR = Member(OPERATOR_ID, OPERATOR_ID, Role.ADMIN, "UTC", 0, second_factor=True)


@dataclass(frozen=True)
class Entrance:
    """How requests come in, whatever they show: the door, and who reads which credential."""

    door: Door
    tokens: Tokens
    clock: Clock
    secret_key: str
    accepted_origins: frozenset[str]
    stream_origins: frozenset[str]
    """Whose pages may open a WebSocket: CORS does not guard it."""
    admin_secret_key: str | None
    admins_need_second_factor: bool
    note_operator: Callable[[str, str], Awaitable[None]]
    """Writes down that a script came in with the operator's secret: by which method, and where."""
    foreign: Callable[[str], Awaitable[Credential | None]] | None
    """Reads bearer tokens of external issuers; None where there are none."""
    redeem: Callable[[str], Awaitable[Credential | None]]
    """Takes a one-time ticket for a stream; None if it is none, or was used, or is too old."""

    async def admit(self, request: HTTPConnection, access: Access) -> Member:
        """Raises NotSignedIn, TokenRefused, RateLimited, or what guards cookies."""
        shown = shown_by(request)
        if shown.admin_secret is not None and access is Access.ADMIN:
            return await self._admit_operator(cast(Request, request), shown.admin_secret)
        if shown.bearer is not None:
            credential = await self._bearer(shown.bearer)
        elif shown.api_key is not None:
            credential = self._api_key(shown.api_key)
        elif shown.cookie is not None:
            credential = self.session_in(shown.cookie)
            if method_of(request) not in SAFE_METHODS:
                check_same_site(request, self.accepted_origins)
                check_csrf_token(request, self.secret_key, credential.id)
        elif (ticket := stream_ticket(request)) is not None:
            credential = await self._ticket(ticket)
        else:
            raise NotSignedIn
        request.state.credential = credential
        try:
            member, request.state.allowance = await self.door.admit(
                credential, address=request_address(request)
            )
        except TokenRefused:
            if credential.kind is Kind.KEY:
                raise ApiKeyInvalid("This API key was revoked, or has expired.") from None
            raise
        return member

    async def _bearer(self, token: str) -> Credential:
        try:
            return self.session_in(token)
        except TokenRefused:
            if read_handle(token, API_KEY_PREFIX, 2):
                raise TokenRefused("This is an API key: send it as X-API-Key.") from None
            foreign = await self.foreign(token) if self.foreign else None
            if foreign is None:
                raise
            return foreign

    def session_in(self, token: str) -> Credential:
        """Read an access token of the hall's own. Raises TokenRefused."""
        claims = self.tokens.read(token, "access", self.clock.now())
        return Credential(Kind.SESSION, UUID(claims["sid"]), UUID(claims["sub"]))

    def _api_key(self, text: str) -> Credential:
        handle = read_handle(text, API_KEY_PREFIX, 2)
        if handle is None:
            raise ApiKeyInvalid
        user_id, key_id = handle.ids
        return Credential(Kind.KEY, key_id, user_id, handle.secret_hash)

    async def _ticket(self, ticket: str) -> Credential:
        credential = await self.redeem(ticket)
        if credential is None:
            raise TicketInvalid
        return credential

    async def _admit_operator(self, request: Request, secret: str) -> Member:
        # Counted first, as a sign-in: it is a secret that somebody may be guessing at.
        request.state.allowance = await self.door.admit_stranger(
            request_address(request), self.door.sign_in_limit
        )
        if self.admin_secret_key is None or not hmac.compare_digest(
            secret.encode(), self.admin_secret_key.encode()
        ):
            raise AdminSecretWrong
        await self.note_operator(request.method, request.url.path)
        return OPERATOR


def method_of(connection: HTTPConnection) -> str:
    """Give the method; a WebSocket has that of its handshake."""
    method: str = connection.scope.get("method", "GET")
    return method


def stream_ticket(connection: HTTPConnection) -> str | None:
    """Give the ticket in the address of a stream: only there does a secret stand in one, as
    neither EventSource nor WebSocket can send a header."""
    if connection.scope["type"] == "http":
        marks = getattr(connection.scope.get("route"), "openapi_extra", None) or {}
        if not STREAM.keys() <= marks.keys() or not asks_for_events(connection):
            return None
    return connection.query_params.get("ticket")


def asks_for_events(connection: HTTPConnection) -> bool:
    return EVENT_STREAM in connection.headers.get("accept", "")
