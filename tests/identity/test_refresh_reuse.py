"""Refresh tokens by the table: generation × window × which rotation × transport."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import pytest
from sqlalchemy import func, select

from guildhall.identity.models import ActiveSession, AuditEntry
from guildhall.infra.hall import Hall
from guildhall.infra.http.credentials import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE
from guildhall.infra.tokens import Tokens
from tests.factories import Person
from tests.world import Client, SettableClock

PASSWORD = "analytical engine"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
GRACE_SECONDS = 30
TRANSPORTS = ["bearer", "cookie"]


@dataclass(frozen=True)
class Held:
    """What a client holds after a sign-in or a refresh."""

    access: str
    refresh: str

    @classmethod
    def of(cls, answer: Any) -> Self:
        body = answer.json()
        if body["token_type"] == "bearer":
            return cls(body["access_token"], body["refresh_token"])
        return cls(answer.cookies[ACCESS_COOKIE], answer.cookies[REFRESH_COOKIE])


@dataclass(frozen=True)
class Browserless:
    """Signs in and refreshes, by one transport; keeps no cookies by itself."""

    client: Client
    transport: str

    async def sign_in(self, device: str = "laptop") -> Held:
        body = {"login": "ada", "password": PASSWORD, "device": device}
        answer = await self.client.post(
            "/auth/login", json=body | {"transport": self.transport}, headers=SAME_ORIGIN
        )
        assert answer.status_code == 200, answer.text
        self.client.cookies.clear()
        return Held.of(answer)

    async def refresh(self, token: str) -> Any:
        if self.transport == "bearer":
            return await self.client.post("/auth/refresh", json={"refresh_token": token})
        cookie = {"Cookie": f"{REFRESH_COOKIE}={token}"}
        answer = await self.client.post("/auth/refresh", headers=SAME_ORIGIN | cookie)
        self.client.cookies.clear()
        return answer

    async def child(self, held: Held) -> Held:
        answer = await self.refresh(held.refresh)
        assert answer.status_code == 200, answer.text
        return Held.of(answer)

    async def opens(self, held: Held) -> bool:
        """Tell whether an access token opens anything."""
        headers = (
            {"Authorization": f"Bearer {held.access}"}
            if self.transport == "bearer"
            else {"Cookie": f"{ACCESS_COOKIE}={held.access}"}
        )
        answer = await self.client.get("/users/me", headers=headers)
        assert answer.status_code in (200, 401)
        return bool(answer.status_code == 200)


@pytest.fixture(params=TRANSPORTS)
async def guest(client: Client, request: pytest.FixtureRequest) -> Browserless:
    account = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    assert (await client.post("/auth/register", json=account)).status_code == 201
    return Browserless(client, request.param)


# How old the shown token is × how long ago the newest was made → what it gets. A token that is
# not the newest is worth something only to its own child's clients, and only for a moment.
WINDOWS = {"at once": 0, "inside": GRACE_SECONDS - 1, "at the edge": GRACE_SECONDS, "outside": 31}
IN_GRACE = {"at once", "inside", "at the edge"}


def expected(age: int, window: str) -> str:
    if age == 0:
        return "a new child"
    return "the same child" if age == 1 and window in IN_GRACE else "the end"


TABLE = [
    (rotations, age, window)
    for rotations in (1, 2, 4)
    for age in range(rotations + 1)
    for window in WINDOWS
]


@pytest.mark.parametrize(("rotations", "age", "window"), TABLE)
async def test_a_refresh_token_gets_what_its_generation_and_the_window_allow(
    guest: Browserless,
    committed: Hall,
    clock: SettableClock,
    rotations: int,
    age: int,
    window: str,
) -> None:
    family = [await guest.sign_in()]
    bystander = await guest.sign_in("phone")
    for _ in range(rotations):
        clock.advance(seconds=1)
        family.append(await guest.child(family[-1]))
    clock.advance(seconds=WINDOWS[window])
    newest = family[-1]
    answer = await guest.refresh(family[-1 - age].refresh)
    match expected(age, window):
        case "a new child":
            child = Held.of(answer)
            assert child.refresh not in {held.refresh for held in family}
            assert await guest.opens(child)
        case "the same child":
            assert Held.of(answer) == newest
            assert await guest.opens(newest)
            assert (await guest.refresh(newest.refresh)).status_code == 200
        case "the end":
            assert (answer.status_code, answer.json()["error"]) == (401, "refresh_token_reused")
            assert not any([await guest.opens(held) for held in family])
            for held in family:
                dead = await guest.refresh(held.refresh)
                assert (dead.status_code, dead.json()["error"]) == (401, "refresh_token_invalid")
            assert await reasons(committed) == ["refresh_reused", None]
            assert await reuses(committed) == 1
    assert await guest.opens(bystander)
    assert (await guest.refresh(bystander.refresh)).status_code == 200


async def reasons(hall: Hall) -> Sequence[str | None]:
    async with hall.units.read() as uow:
        query = select(ActiveSession.end_reason).order_by(ActiveSession.id)
        return (await uow.session.scalars(query)).all()


async def reuses(hall: Hall) -> int:
    async with hall.units.read() as uow:
        query = select(func.count()).where(AuditEntry.action == "refresh_token_reused")
        return await uow.session.scalar(query) or 0


@pytest.mark.parametrize("shown", [0, 1])
async def test_after_three_generations_the_first_two_end_the_family(
    guest: Browserless, shown: int
) -> None:
    """R1 → R2 → R3, then R1, or R2 after R3 was used: a thief and an owner cannot both go on."""
    family = [await guest.sign_in()]
    for _ in range(3):
        family.append(await guest.child(family[-1]))
    answer = await guest.refresh(family[shown].refresh)
    assert answer.json()["error"] == "refresh_token_reused"
    assert not await guest.opens(family[-1])


async def test_the_answer_to_a_parent_does_not_start_its_window_again(
    guest: Browserless, clock: SettableClock
) -> None:
    first = await guest.sign_in()
    second = await guest.child(first)
    for _ in range(3):
        clock.advance(seconds=10)
        assert await guest.child(first) == second
    clock.advance(seconds=1)
    assert (await guest.refresh(first.refresh)).json()["error"] == "refresh_token_reused"


async def test_a_generation_that_was_never_given_out_ends_the_family(
    guest: Browserless, committed: Hall
) -> None:
    """Signed with the hall's key, so the key or the database has been in other hands."""
    held = await guest.sign_in()
    tokens = Tokens(committed.endpoints.secret_key)
    claims = dict(tokens.read(held.refresh, "refresh", committed.clock.now()))
    future = tokens.sign("refresh", claims | {"gen": 7})
    assert (await guest.refresh(future)).json()["error"] == "refresh_token_reused"
    assert not await guest.opens(held)


@pytest.mark.parametrize("forged", ["signature", "session", "owner", "type", "another key"])
async def test_a_forged_refresh_token_is_refused_and_ends_nothing(
    guest: Browserless, committed: Hall, other: Person, forged: str
) -> None:
    held = await guest.sign_in()
    tokens = Tokens(committed.endpoints.secret_key)
    claims = dict(tokens.read(held.refresh, "refresh", committed.clock.now()))
    token = {
        "signature": held.refresh[:-4] + ("AAAA" if held.refresh[-4:] != "AAAA" else "BBBB"),
        "session": tokens.sign("refresh", claims | {"sid": str(other.id)}),
        "owner": tokens.sign("refresh", claims | {"sub": str(other.id)}),
        "type": held.access,
        "another key": Tokens("x" * 40).sign("refresh", claims),
    }[forged]
    answer = await guest.refresh(token)
    assert (answer.status_code, answer.json()["error"]) == (401, "refresh_token_invalid")
    assert await guest.opens(held)
    assert (await guest.refresh(held.refresh)).status_code == 200


async def test_twenty_tabs_of_five_sessions_get_one_child_each_and_nobody_is_logged_out(
    guest: Browserless, committed: Hall, clock: SettableClock
) -> None:
    sessions = [await guest.sign_in(f"device {number}") for number in range(5)]
    clock.tick(seconds=0.05)  # Two that both rotated would sign different instants.
    answers = await asyncio.gather(
        *(guest.refresh(held.refresh) for held in sessions for _ in range(20))
    )
    clock.tick()
    assert {answer.status_code for answer in answers} == {200}
    children = [Held.of(answer) for answer in answers]
    for number in range(5):
        (child,) = set(children[20 * number : 20 * number + 20])
        assert await guest.opens(child)
        assert (await guest.refresh(child.refresh)).status_code == 200
    assert set(await reasons(committed)) == {None}
    assert await reuses(committed) == 0


async def test_a_client_whose_answer_was_lost_repeats_and_goes_on(guest: Browserless) -> None:
    held = await guest.sign_in()
    for _ in range(5):
        await guest.refresh(held.refresh)  # Whose answer never arrives.
        held = await guest.child(held)
        assert await guest.opens(held)


async def test_a_session_ends_at_its_age_however_often_it_is_refreshed(
    guest: Browserless, committed: Hall, clock: SettableClock
) -> None:
    security = committed.settings.security
    held = await guest.sign_in()
    step = security.refresh_token_seconds - 1
    steps = security.session_seconds // step
    for _ in range(steps):
        clock.advance(seconds=step)
        held = await guest.child(held)
    clock.advance(seconds=security.session_seconds - steps * step - 1)
    assert (await guest.refresh(held.refresh)).status_code == 200
    clock.advance(seconds=1)
    answer = await guest.refresh(held.refresh)
    assert (answer.status_code, answer.json()["error"]) == (401, "refresh_token_invalid")
    await committed.redis.flushdb()  # It keeps time by itself; a session's last two minutes there.
    assert not await guest.opens(held)


async def test_a_refresh_token_is_worth_nothing_by_the_other_transport(client: Client) -> None:
    account = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    await client.post("/auth/register", json=account)
    ways = [Browserless(client, transport) for transport in TRANSPORTS]
    for own, foreign in (ways, ways[::-1]):
        held = await own.sign_in(own.transport)
        answer = await foreign.refresh(held.refresh)
        assert (answer.status_code, answer.json()["error"]) == (401, "refresh_token_invalid")
        assert (await own.refresh(held.refresh)).status_code == 200


async def test_a_cookie_refresh_needs_a_page_of_the_hall(client: Client) -> None:
    account = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    await client.post("/auth/register", json=account)
    held = await Browserless(client, "cookie").sign_in()
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},
    ):
        cookie = {"Cookie": f"{REFRESH_COOKIE}={held.refresh}; {CSRF_COOKIE}=x"}
        answer = await client.post("/auth/refresh", headers=headers | cookie)
        assert (answer.status_code, answer.json()["error"]) == (403, "cross_site_request")
    assert (await Browserless(client, "cookie").refresh(held.refresh)).status_code == 200
