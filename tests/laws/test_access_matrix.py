"""Who gets what from every route: the table in `access_matrix.txt`, asked cell by cell.

Every route of the wiring has a row there and every cell is a real request. A route without a row,
a row without a route, and an answer that differs each fail the build.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute
from pydantic import SecretStr
from sqlalchemy import select

from guildhall.entrypoints.api import furnish
from guildhall.entrypoints.wiring import ROUTERS
from guildhall.identity.models import ActiveSession, ApiKey, Device
from guildhall.infra import tickets
from guildhall.infra.door import Credential, Kind
from guildhall.infra.hall import Hall
from guildhall.infra.handles import mint
from guildhall.infra.http.access import Access, scopes_of
from guildhall.infra.http.credentials import ACCESS_COOKIE, SAFE_METHODS
from guildhall.infra.http.hot import SharedAnswers
from guildhall.infra.issuers import Issuers, open_outbound
from guildhall.infra.settings import OidcProvider, RateLimitSettings, SignInSettings
from guildhall.infra.tokens import Tokens
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import Person
from tests.laws.test_access import (
    BODIES,
    NOBODYS,
    belongings,
    filled,
    levels_of,
    routes_of_the_hall,
)
from tests.oidc_server.issuer import new_key, running_issuer
from tests.world import Client

TABLE = Path(__file__).with_name("access_matrix.txt")
PROVIDER = "told"
SECRET = "a secret of the operator, forty characters"
# Who asks, in the order of the table's columns. The things in a path are the owner's.
ASKERS = (
    "nobody", "expired", "suspended", "other", "owner", "moderator", "admin",
    "keyless", "key", "operator", "stale", "ticket", "cookie",
)  # fmt: skip
# What the table says in a word. Any other cell is the status of an answer from past the door.
WORDS = {
    "nobody": (401, "not_signed_in"),
    "token": (401, "token_invalid"),
    "admins": (403, "admins_only"),
    "scope": (403, "scope_missing"),
    "person": (403, "person_required"),
    "refresh": (401, "refresh_token_invalid"),
    "recent": (403, "reauthentication_required"),
    "csrf": (403, "csrf_token_invalid"),
    "begin": (401, "sign_in_not_begun"),
}
STREAM = {"Accept": "text/event-stream"}
STREAMS = {"/live", "/ai/interact"}
SOCKET = "WS"
"""Stands in the table where a WebSocket's method would, if it had one."""


@dataclass(frozen=True)
class Cast:
    """Everybody who asks for a route, as the headers they send; and the things in its path."""

    headers: dict[str, dict[str, str]]
    things: dict[str, object]
    keeper: Person
    """Who gave the keys and asked for the tickets: an admin for an admin's route, else the owner
    of the things."""
    owning: bool
    """Whether there are such things."""


def rows_of(text: str) -> dict[str, list[str]]:
    """Read the table: `METHOD path` and its cells."""
    rows: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            method, path, *cells = line.split()
            assert len(cells) == len(ASKERS), line
            assert f"{method} {path}" not in rows, line
            rows[f"{method} {path}"] = cells
    return rows


Route = APIRoute | APIWebSocketRoute


def methods_of(route: Route) -> list[str]:
    return [SOCKET] if isinstance(route, APIWebSocketRoute) else sorted(route.methods)


def names_of(routes: Iterable[Route]) -> list[str]:
    return [f"{method} {route.path}" for route in routes for method in methods_of(route)]


def sockets_of_the_hall() -> list[APIWebSocketRoute]:
    return [
        route
        for routers in ROUTERS
        for router in routers
        for route in router.routes
        if isinstance(route, APIWebSocketRoute)
    ]


def routes_at(level: Access) -> list[Route]:
    """Give the routes of a level; that of every socket is Access.MEMBER (`test_access.py`)."""
    routes: list[Route] = [r for r in routes_of_the_hall() if levels_of(r) == [level]]
    return [*routes, *sockets_of_the_hall()] if level is Access.MEMBER else routes


def unlisted(rows: Iterable[str], routes: Iterable[Route]) -> list[str]:
    """Find routes without a row, and rows without a route."""
    there, listed = set(names_of(routes)), set(rows)
    return [f"{name}: no row" for name in sorted(there - listed)] + [
        f"{name}: no route" for name in sorted(listed - there)
    ]


async def cast_of(hall: Hall, level: Access, *, owning: bool = False) -> Cast:
    """Have everybody come in anew, and the owner, if asked, own one of everything."""
    owner, other, moderator, chief, out = await asyncio.gather(
        factories.person(hall),
        factories.person(hall),
        factories.person(hall, role=Role.MODERATOR),
        factories.person(hall, role=Role.ADMIN),
        factories.person(hall, role=Role.ADMIN, status="suspended"),
    )
    keeper = chief if level is Access.ADMIN else owner
    claims = {"sub": str(keeper.id), "sid": str(keeper.member.session_id)}
    now = int(hall.clock.now().timestamp())
    tokens = Tokens(hall.endpoints.secret_key)
    expired = tokens.sign("access", claims | {"exp": now})
    old = {"sid": str(await stale_session_of(hall, keeper)), "exp": now + 60}
    bearers = {
        "expired": expired,
        "suspended": out.token,
        "other": other.token,
        "owner": owner.token,
        "moderator": moderator.token,
        "admin": chief.token,
        "stale": tokens.sign("access", claims | old),
    }
    things = NOBODYS | {"user_id": owner.id, "provider": PROVIDER}
    if owning:
        things |= await belongings(hall, owner)
    return Cast(
        {who: {"Authorization": f"Bearer {token}"} for who, token in bearers.items()}
        | {
            "nobody": {},
            "operator": {"X-Admin-Secret-Key": SECRET},
            "cookie": {
                "Cookie": f"{ACCESS_COOKIE}={keeper.token}",
                "Sec-Fetch-Site": "same-origin",
            },
        },
        things,
        keeper,
        owning,
    )


async def stale_session_of(hall: Hall, owner: Person) -> UUID:
    """Open somebody another session, whose proof of who they are is just too old."""
    session_id = new_id()
    longest = timedelta(seconds=hall.settings.security.reauthentication_seconds)
    async with hall.units.write() as uow:
        uow.session.add(
            ActiveSession(
                user_id=owner.id, id=session_id,
                device_id=await uow.session.scalar(
                    select(Device.id).where(Device.user_id == owner.id)
                ),
                generation=0, rotated_at=uow.now, created_at=uow.now,
                expires_at=uow.now + timedelta(days=1),
                authenticated_at=uow.now - longest - timedelta(seconds=1),
            )
        )  # fmt: skip
    return session_id


async def key_of(hall: Hall, user_id: UUID, scopes: list[str]) -> str:
    key_id = new_id()
    text, secret_hash = mint("ghk", user_id, key_id)
    async with hall.units.write() as uow:
        uow.session.add(
            ApiKey(
                user_id=user_id, id=key_id, name="program", hint="", secret_hash=secret_hash,
                scopes=scopes, created_at=uow.now,
            )
        )  # fmt: skip
    return text


async def ask(application: Any, hall: Hall, route: Route, method: str, who: str, cast: Cast) -> str:
    """Ask for a route as somebody; give the answer as the table has it."""
    path = filled(route.path, cast.things)
    headers, query = cast.headers.get(who, {}), ""
    if who == "ticket":
        ticket = await tickets.issue(
            hall.redis, Credential(Kind.SESSION, cast.keeper.member.session_id, cast.keeper.id)
        )
        headers, query = STREAM, f"ticket={ticket}"
    if route.path in STREAMS:
        return await begin_stream(application, path, headers | STREAM, query, method)
    body = BODIES.get(f"{method} {route.path}", {} if method != "GET" else None)
    async with Client(application) as client:
        answer = await client.request(method, f"{path}?{query}", headers=headers, json=body)
    return cell_of(answer.status_code, answer.content)


def cell_of(status: int, content: bytes) -> str:
    if status in (401, 403):
        error = httpx.Response(status, content=content).json()["error"]
        return next((word for word, cell in WORDS.items() if cell == (status, error)), error)
    return str(status)


async def begin_stream(
    application: Any, path: str, headers: dict[str, str], query: str, method: str
) -> str:
    """Ask for a stream, as server-sent events or as a WebSocket, and hang up once it begins."""
    asked, began, status, content = False, asyncio.Event(), 0, b""
    kind = "websocket" if method == SOCKET else "http"

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if method == SOCKET and not asked:
            asked = True
            return {"type": "websocket.connect"}
        await began.wait()
        return {"type": f"{kind}.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, content
        if message["type"].endswith("http.response.start"):
            status = message["status"]
        elif message["type"] == "websocket.accept":
            status = 101
        content += message.get("body", b"")
        if 0 < status < 400:
            began.set()

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1",
        "scheme": kind.replace("websocket", "ws"), "path": f"/api/v1{path}",
        "raw_path": f"/api/v1{path}".encode(), "query_string": query.encode(), "root_path": "",
        "server": ("hall", 80), "client": ("127.0.0.1", 40_000),
        "headers": [(b"host", b"hall"), *raw],
    }  # fmt: skip
    scope |= (
        {"subprotocols": [], "extensions": {"websocket.http.response": {}}}
        if method == SOCKET
        else {"method": method}
    )
    await application(scope, receive, send)
    return cell_of(status, content)


@pytest_asyncio.fixture
async def unlimited(application: Any, client: Client, committed: Hall) -> AsyncIterator[Hall]:
    """A hall that counts no requests, has an operator's secret and knows a provider."""
    security = committed.settings.security.model_copy(
        update={"admin_secret_key": SecretStr(SECRET)}
    )
    async with running_issuer(new_key("first")) as issuer, open_outbound() as outbound:
        provider = OidcProvider(name=PROVIDER, issuer=issuer.url, client_id="hall")
        sign_in = SignInSettings(oidc_providers=(provider,))
        settings = replace(
            committed.settings,
            security=security,
            rate_limit=RateLimitSettings(rate_limit_enabled=False),
            sign_in=sign_in,
        )
        hall = replace(
            committed,
            settings=settings,
            issuers=Issuers(outbound, committed.redis, committed.clock, sign_in),
        )
        furnish(application, hall)
        application.state.shared = SharedAnswers(seconds=0)
        yield hall


async def measured(application: Any, hall: Hall, level: Access) -> dict[str, list[str]]:
    """Ask for every route of a level as everybody; give their rows."""
    rows: dict[str, list[str]] = {}
    cast = await cast_of(hall, level)
    changed = False
    for route in routes_at(level):
        for method in methods_of(route):
            scope = scope_for(route, method, level)
            row = rows[f"{method} {route.path}"] = []
            for who in ASKERS:
                # Who asked before may have used up what this one asks for, or themselves.
                about_things = level is Access.MEMBER and "_id}" in route.path
                if (
                    changed and (not row or about_things or who == "stale")
                ) or cast.owning < about_things:
                    cast, changed = await cast_of(hall, level, owning=about_things), False
                if who in ("keyless", "key"):
                    scopes = [scope] if who == "key" else sorted(scopes_of(ROUTERS) - {scope})
                    cast.headers[who] = {"X-API-Key": await key_of(hall, cast.keeper.id, scopes)}
                row.append(await ask(application, hall, route, method, who, cast))
                changed |= method not in SAFE_METHODS and row[-1].startswith("2")
    return rows


def scope_for(route: Route, method: str, level: Access) -> str:
    """Say which scope a key needs, from the contract and not from the code that asks for it."""
    if isinstance(route, APIWebSocketRoute):
        # What is said over the second changes something, though its handshake is a GET.
        return {"/live": "identity:read", "/ai/interact": "goals:write"}[route.path]
    subject = "admin" if level is Access.ADMIN else route.tags[0]
    return f"{subject}:{'read' if method == 'GET' else 'write'}"


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    routes = [*routes_of_the_hall(), *sockets_of_the_hall()]
    assert unlisted(rows_of(TABLE.read_text()), routes) == []


def test_the_law_of_the_matrix_sees_a_route_without_a_row_and_a_row_without_a_route() -> None:
    async def secrets() -> None:
        return

    router = APIRouter()
    router.add_api_route("/secrets", secrets, methods=["GET", "DELETE"])
    fake = [route for route in router.routes if isinstance(route, APIRoute)]
    rows = rows_of(TABLE.read_text())
    gone, *_ = rows
    routes: list[Route] = [r for r in routes_of_the_hall() if gone not in names_of([r])]
    assert unlisted(rows, [*routes, *fake]) == [
        "DELETE /secrets: no row",
        "GET /secrets: no row",
        f"{gone}: no route",
        "WS /ai/interact: no route",
        "WS /live: no route",
    ]


@pytest.mark.parametrize("level", list(Access))
async def test_every_cell_of_the_matrix_is_what_the_hall_answers(
    application: Any, unlimited: Hall, level: Access
) -> None:
    expected = rows_of(TABLE.read_text())
    rows = await measured(application, unlimited, level)

    differences = [
        f"{name} as {who}: {got} instead of {wanted}"
        for name, row in rows.items()
        for who, got, wanted in zip(
            ASKERS, row, expected.get(name, [None] * len(ASKERS)), strict=True
        )
        if got != wanted
    ]
    assert differences == []
    assert sum(map(len, rows.values())) >= 10 * len(ASKERS)


TWISTS = {
    "case": str.upper,
    "title": str.title,
    "slash at the end": lambda path: f"{path}/",
    "two slashes": lambda path: path.replace("/", "//"),
    "two slashes before": lambda path: f"/{path}",
    "encoded letter": lambda path: path.replace("a", "%61", 1),
    "encoded slash": lambda path: "/" + quote(path[1:], safe=""),
    "encoded twice": lambda path: path.replace("a", "%2561", 1),
    "dot": lambda path: path.replace("/admin", "/./admin"),
    "detour": lambda path: path.replace("/admin", "/users/../admin"),
    "encoded detour": lambda path: path.replace("/admin", "/users/%2e%2e/admin"),
    "parameter": lambda path: f"{path};x=1",
    "NUL": lambda path: f"{path}%00",
    "space": lambda path: f"{path}%20",
    "suffix": lambda path: f"{path}.json",
    "none": str,
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
ROUNDABOUT = {"X-Original-URL": "/api/v1/admin/users", "X-Rewrite-URL": "/api/v1/admin/users"}


@pytest.mark.parametrize("who", ["nobody", "owner", "moderator"])
async def test_no_twist_of_method_or_path_opens_an_admins_route(
    application: Any, unlimited: Hall, who: str
) -> None:
    cast = await cast_of(unlimited, Access.ADMIN)
    paths = sorted({r.path for r in routes_of_the_hall() if levels_of(r) == [Access.ADMIN]})
    opened, tried = [], 0
    async with Client(application) as client:
        for path in paths:
            there = filled(path, cast.things)
            for name, twist in TWISTS.items():
                # Those that only a proxy might undo are asked for with the route's own methods.
                for method in (
                    METHODS if name in ("none", "case", "encoded letter") else METHODS[:3]
                ):
                    url = httpx.URL(f"http://hall/api/v1{twist(there)}")
                    answer = await client.request(
                        method, url, headers=cast.headers[who], follow_redirects=True
                    )
                    tried += 1
                    if answer.status_code not in (400, 401, 403, 404, 405, 501):
                        opened.append((method, str(url), answer.status_code))
        straight = await client.get("/users/me", headers=cast.headers[who] | ROUNDABOUT)
        assert "items" not in straight.json()
    assert opened == []
    assert tried > 500
