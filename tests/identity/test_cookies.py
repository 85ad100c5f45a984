"""Sessions in cookies: what browsers are told, and what another site's page cannot do with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from guildhall.infra.hall import Hall
from guildhall.infra.http.access import Access
from guildhall.infra.http.credentials import (
    ACCESS_COOKIE,
    CSRF_COOKIE,
    CSRF_HEADER,
    REFRESH_COOKIE,
    SAFE_METHODS,
    csrf_token,
)
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests.factories import Person
from tests.laws.test_access import NOBODYS, cases, filled
from tests.world import Client

PASSWORD = "analytical engine"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
FORMS = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
UNSAFE = [
    (method, path)
    for method, path in cases(Access.MEMBER, Access.ADMIN)
    if method not in SAFE_METHODS
]


@dataclass(frozen=True)
class Browser:
    """A session in cookies, and what its pages know."""

    client: Client
    access: str
    refresh: str
    csrf: str

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"{ACCESS_COOKIE}={self.access}; {CSRF_COOKIE}={self.csrf}"}

    async def ask(self, method: str, path: str, headers: dict[str, str], **request: Any) -> Any:
        return await self.client.request(method, path, headers=self.cookie | headers, **request)


async def browser(client: Client, name: str) -> Browser:
    account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    await client.post("/auth/register", json=account)
    answer = await sign_in(client, name)
    opened = Browser(
        client,
        answer.cookies[ACCESS_COOKIE],
        answer.cookies[REFRESH_COOKIE],
        answer.json()["csrf_token"],
    )
    client.cookies.clear()
    return opened


async def sign_in(client: Client, name: str, headers: dict[str, str] = SAME_ORIGIN) -> Any:
    body = {"login": name, "password": PASSWORD, "transport": "cookie"}
    return await client.post("/auth/login", json=body, headers=headers)


@pytest.fixture
async def ada(client: Client, owner: asyncpg.Connection) -> Browser:
    """An admin in a browser, to whom every route is open."""
    opened = await browser(client, "ada")
    await owner.execute("UPDATE users SET role = $1 WHERE username = 'ada'", Role.ADMIN.value)
    return opened


async def state_of(owner: asyncpg.Connection) -> dict[str, str]:
    """Give a fingerprint of everything that the hall has stored."""
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        table: hashlib.sha256(
            repr(sorted(map(str, await owner.fetch(f"SELECT t::text FROM {table} t")))).encode()
        ).hexdigest()
        for (table,) in tables
    }


async def test_the_cookies_of_a_session_are_bound_to_the_host_and_hidden_from_scripts(
    client: Client,
) -> None:
    await client.post(
        "/auth/register",
        json={"username": "ada", "email": "ada@example.org", "password": PASSWORD},
    )
    answer = await sign_in(client, "ada")
    set_cookies = {
        line.partition("=")[0]: {part.strip().lower() for part in line.split(";")[1:]}
        for line in answer.headers.get_list("set-cookie")
    }
    security = {"path=/", "secure", "samesite=lax"}
    seconds = {ACCESS_COOKIE: 1800, REFRESH_COOKIE: 604_800, CSRF_COOKIE: 604_800}
    assert set(set_cookies) == set(seconds)
    for name, attributes in set_cookies.items():
        assert name.startswith("__Host-")
        hidden = {"httponly"} if name != CSRF_COOKIE else set()
        assert attributes == security | hidden | {f"max-age={seconds[name]}"}, name
    assert "access_token" not in answer.json()
    assert answer.json()["csrf_token"] == answer.cookies[CSRF_COOKIE]


def vectors(ada: Browser, mallory: Browser, hall: Hall) -> dict[str, dict[str, str]]:
    """Give the headers of requests that a page of another site may cause, or nearly."""
    own, token = SAME_ORIGIN, {CSRF_HEADER: ada.csrf}
    tossed = f"{ACCESS_COOKIE}={mallory.access}"
    return {
        "no token": own,
        "forged token": own | {CSRF_HEADER: "0" * 64},
        "odd token": own | {CSRF_HEADER: ""},
        "token of another session": own | {CSRF_HEADER: mallory.csrf},
        "token of a made-up session": own | {CSRF_HEADER: csrf_token("x" * 40, new_id())},
        "token in the cookie only": own,
        "cross-site": {"Sec-Fetch-Site": "cross-site"} | token,
        "same-site": {"Sec-Fetch-Site": "same-site"} | token,
        "odd site": {"Sec-Fetch-Site": "SAME-ORIGIN"} | token,
        "foreign origin": {"Origin": "https://evil.example"} | token,
        "null origin": {"Origin": "null"} | token,
        "origin that begins like ours": {"Origin": "http://hall.evil.example"} | token,
        "unreadable origin": {"Origin": "http://[::1"} | token,
        "no origin": token,
        "referer alone": {"Referer": "http://hall/"} | token,
        **{f"form: {form}": own | {"Content-Type": form} for form in FORMS},
        "method override": own | {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"},
        "tossed before": own | {"Cookie": f"{tossed}; {ada.cookie['Cookie']}"},
        "tossed after": own | {"Cookie": f"{ada.cookie['Cookie']}; {tossed}"},
        "tossed, with the token": own
        | token
        | {"Cookie": f"{tossed}; {CSRF_COOKIE}={mallory.csrf}"},
    }


async def test_no_page_of_another_site_changes_anything(
    client: Client, committed: Hall, owner: asyncpg.Connection, ada: Browser
) -> None:
    mallory = await browser(client, "mallory")
    before = await state_of(owner)
    tried, passed = 0, []
    for method, path in UNSAFE:
        for name, headers in vectors(ada, mallory, committed).items():
            body = None if name.startswith("form") else b"{}"
            json = {"Content-Type": "application/json"}
            answer = await ada.ask(method, filled(path, NOBODYS), json | headers, content=body)
            tried += 1
            expected = {"cross_site_request", "csrf_token_invalid"}
            tossed = name.startswith("tossed ")  # Two of one name: then it is nobody's.
            if tossed:
                expected = {"not_signed_in"}
            refusal = answer.status_code, answer.json()["error"]
            if refusal[0] != (401 if tossed else 403) or refusal[1] not in expected:
                passed.append((method, path, name, refusal))
    assert passed == []
    assert tried >= 20 * 20
    assert await state_of(owner) == before


async def test_a_method_named_in_a_header_or_a_field_is_not_the_method(
    client: Client, owner: asyncpg.Connection, ada: Browser
) -> None:
    before = await state_of(owner)
    for override in ("DELETE", "PATCH", "POST"):
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            answer = await ada.ask("GET", "/users/me", {name: override})
            assert answer.status_code == 200
        await ada.ask("GET", "/users/me?_method=" + override, {})
        posted = await ada.ask(
            "POST", "/users/me", SAME_ORIGIN, content=f"_method={override}".encode()
        )
        assert posted.status_code in (403, 405)
    assert await state_of(owner) == before


async def test_a_page_of_the_hall_may_do_all_that_its_member_may(ada: Browser) -> None:
    token = {CSRF_HEADER: ada.csrf}
    for number, from_here in enumerate(
        (
            SAME_ORIGIN,
            {"Sec-Fetch-Site": "none"},
            {"Origin": "http://hall"},
            {"Origin": "http://localhost:8000"},
        )
    ):
        change = {"day_starts_at": number}
        answer = await ada.ask("PATCH", "/users/me", from_here | token, json=change)
        assert answer.json()["day_starts_at"] == number, from_here


async def test_reading_needs_no_token_and_a_bearer_none_of_it(
    client: Client, ada: Browser, member: Person
) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert (await ada.ask("GET", "/users/me", headers)).status_code == 200
        changed = await client.of(member).patch(
            "/users/me", json={"day_starts_at": 1}, headers=headers
        )
        assert changed.status_code == 200


async def test_other_cookies_of_the_host_are_in_nobodys_way(ada: Browser) -> None:
    """Whatever strange things other applications keep there."""
    for other in ('prefs={"a": 1}', "a=b=c", "=nameless", "novalue", 'q="; x="', "é=ü", ";;"):
        cookie = httpx.Headers({"Cookie": f"{other}; {ada.cookie['Cookie']}; z=1"}, "utf-8")
        answer = await ada.client.get("/users/me", headers=cookie)
        assert answer.status_code == 200, other
    for lookalike in (f"={ACCESS_COOKIE}", f" x{ACCESS_COOKIE}", ACCESS_COOKIE.lower()):
        answer = await ada.client.get("/users/me", headers={"Cookie": f"{lookalike}={ada.access}"})
        assert answer.status_code == 401, lookalike


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},
    ],
)
async def test_another_sites_page_signs_nobody_in(client: Client, headers: dict[str, str]) -> None:
    """Else a member might write into an account of somebody else (login CSRF)."""
    await browser(client, "ada")
    answer = await sign_in(client, "ada", headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "cross_site_request")
    assert "set-cookie" not in answer.headers


async def test_logging_out_takes_the_cookies_away_and_shuts_the_door(ada: Browser) -> None:
    answer = await ada.ask("POST", "/auth/logout", SAME_ORIGIN | {CSRF_HEADER: ada.csrf})
    assert answer.status_code == 204
    gone = {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}
    assert set(gone) == {ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE}
    for line in gone.values():
        assert "max-age=0" in line.lower()
        assert "secure" in line.lower()
        assert "path=/" in line.lower()
    assert (await ada.ask("GET", "/users/me", {})).status_code == 401
    cookie = {"Cookie": f"{REFRESH_COOKIE}={ada.refresh}"}
    refreshed = await ada.client.post("/auth/refresh", headers=SAME_ORIGIN | cookie)
    assert (refreshed.status_code, refreshed.json()["error"]) == (401, "refresh_token_invalid")


async def test_a_refresh_keeps_the_csrf_token_of_its_session(ada: Browser) -> None:
    cookie = {"Cookie": f"{REFRESH_COOKIE}={ada.refresh}"}
    answer = await ada.client.post("/auth/refresh", headers=SAME_ORIGIN | cookie)
    assert answer.json()["csrf_token"] == ada.csrf
