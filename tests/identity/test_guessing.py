"""Guessing passwords: slow for the guesser, from wherever, and for nobody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event

from guildhall.entrypoints.api import create_app, furnish
from guildhall.identity import logins
from guildhall.identity.guesses import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    Guesses,
    count_guess,
    forgive_guess,
)
from guildhall.identity.logins import WRONG_PASSWORDS, WRONG_PASSWORDS_PER_ACCOUNT
from guildhall.infra.hall import Hall, open_redis
from tests.world import Client

PASSWORD = "analytical engine"
ADA = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
HOME = "10.0.0.9"


@pytest.fixture
async def ada(client: Client) -> None:
    await client.post("/auth/register", json=ADA)


async def sign_in(client: Client, login: str = "ada", password: str = "guess", **body: Any) -> int:
    answer = await client.post("/auth/login", json={"login": login, "password": password} | body)
    return answer.status_code


async def guess(client: Client, times: int, login: str = "ada") -> Counter[int]:
    return Counter([await sign_in(client, login) for _ in range(times)])


async def time_passes(hall: Hall, name: str) -> None:
    """End the wait of a count: Redis keeps its own time, which no test can set."""
    await hall.redis.hdel(f"guesses:{name}", "until")


@pytest.mark.parametrize("login", ["ada", "nobody"])
async def test_the_guesser_has_to_wait_whether_there_is_such_an_account_or_not(
    client: Client, ada: None, login: str
) -> None:
    assert await guess(client, WRONG_PASSWORDS, login) == {401: WRONG_PASSWORDS}
    right = {"login": login, "password": PASSWORD}
    throttled = await client.post("/auth/login", json=right)
    assert (throttled.status_code, throttled.json()["error"]) == (429, "login_throttled")
    assert 0 < int(throttled.headers["retry-after"]) <= FIRST_WAIT_SECONDS
    # Another account is not held to it, nor is the same one elsewhere.
    assert await sign_in(client, "grace") == 401
    assert await sign_in(client.at(HOME), login) == 401


async def test_an_unknown_name_costs_what_a_wrong_password_costs(
    client: Client, ada: None, committed: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes time is counted, not timed: the hashes worked out, and the questions asked."""
    costs: list[str] = []
    verify = Argon2Hasher.verify

    def counted(self: Argon2Hasher, password: str | bytes, stored: str | bytes) -> bool:
        costs.append(str(stored).rsplit("$", 2)[0])  # All but the salt and the hash.
        return verify(self, password, stored)

    def asked(_: object, __: object, statement: str, *___: object) -> None:
        costs.append(statement)

    monkeypatch.setattr(Argon2Hasher, "verify", counted)
    engine = committed.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", asked)
    try:
        bills = []
        for login in ("ada", "nobody", "ada@example.org", "nobody@example.org"):
            costs.clear()
            assert await sign_in(client, login) == 401
            bills.append(list(costs))
    finally:
        event.remove(engine, "before_cursor_execute", asked)
    assert bills[0] == bills[1]
    assert bills[2] == bills[3]
    for bill, expected in ((bills[0], 1), (bills[2], 3)):
        hashes = [cost for cost in bill if cost.startswith("$argon2")]
        assert hashes == ["$argon2id$v=19$m=19456,t=2,p=1"] * expected


@pytest.mark.parametrize("device", ["laptop", "new here"])
async def test_guesses_at_a_name_do_not_tell_whose_address_is_whose(
    client: Client, ada: None, device: str
) -> None:
    assert await sign_in(client, password=PASSWORD, device="laptop") == 200
    for login in ["ada", " ADA "] * (WRONG_PASSWORDS // 2):
        assert await sign_in(client, login, device=device) == 401
    assert await sign_in(client, device=device) == 429
    assert await sign_in(client, "ada@example.org", device=device) == 401
    assert await sign_in(client, "nobody@example.org", device=device) == 401


async def test_from_all_places_a_name_and_an_email_of_one_account_are_one_target(
    client: Client, ada: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "WRONG_PASSWORDS_PER_ACCOUNT", 2)
    assert await sign_in(client, "ada") == 401
    assert await sign_in(client.at("10.1.0.1"), "ada@example.org") == 401
    assert await sign_in(client.at("10.1.0.2"), "ada") == 429


async def test_of_many_guesses_at_once_no_more_get_through_than_one_by_one(
    client: Client, ada: None
) -> None:
    statuses = await asyncio.gather(*(sign_in(client) for _ in range(3 * WRONG_PASSWORDS)))
    assert Counter(statuses) == {401: WRONG_PASSWORDS, 429: 2 * WRONG_PASSWORDS}


async def test_the_right_password_starts_the_count_anew(client: Client, ada: None) -> None:
    for device in ("one", "two"):  # Names that are new here, so not a usual device.
        assert await guess(client, WRONG_PASSWORDS - 1) == {401: WRONG_PASSWORDS - 1}
        assert await sign_in(client, password=PASSWORD, device=device) == 200


async def test_strangers_in_many_places_lock_nobody_out_of_their_usual_device(
    client: Client, ada: None
) -> None:
    home = client.at(HOME)
    assert await sign_in(home, password=PASSWORD, device="laptop") == 200
    everywhere = [client.at(f"10.1.0.{n}") for n in range(WRONG_PASSWORDS_PER_ACCOUNT)]
    statuses = await asyncio.gather(*(sign_in(each, device="laptop") for each in everywhere))
    assert set(statuses) == {401}
    assert await sign_in(client, device="laptop") == 429
    assert await sign_in(client.at("10.2.0.1"), password=PASSWORD) == 429
    assert await sign_in(home, password=PASSWORD, device="laptop") == 200
    # Nor does a stranger behind the same address who does not know the device.
    assert await sign_in(home) == 429
    assert await sign_in(home, password=PASSWORD, device="laptop") == 200


async def test_a_usual_device_may_not_guess_for_ever_either(client: Client, ada: None) -> None:
    assert await sign_in(client, password=PASSWORD, device="laptop") == 200
    statuses = [await sign_in(client, device="laptop") for _ in range(WRONG_PASSWORDS + 1)]
    assert Counter(statuses) == {401: WRONG_PASSWORDS, 429: 1}


async def test_one_address_cannot_go_on_from_account_to_account(
    client: Client, ada: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "WRONG_PASSWORDS_PER_ADDRESS", 3)
    assert [await sign_in(client, f"guest{n}") for n in range(4)] == [401, 401, 401, 429]
    assert await sign_in(client.at(HOME), "guest5") == 401


async def test_a_subscriber_of_ipv6_has_no_more_guesses_for_all_their_addresses(
    client: Client, ada: None
) -> None:
    addresses = [f"2001:db8:1:2::{n:x}" for n in range(WRONG_PASSWORDS + 1)]
    statuses = [await sign_in(client.at(address)) for address in addresses]
    assert Counter(statuses) == {401: WRONG_PASSWORDS, 429: 1}
    assert await sign_in(client.at("2001:db8:1:3::1")) == 401


async def test_what_looks_like_a_usual_device_adds_to_its_address_but_does_not_wait_for_it(
    client: Client, ada: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = ["ada", "grace", "alan"]
    for name in members[1:]:
        body = ADA | {"username": name, "email": f"{name}@example.org"}
        await client.post("/auth/register", json=body)
    for name in members:
        assert await sign_in(client, name, PASSWORD, device="laptop") == 200
    monkeypatch.setattr(logins, "WRONG_PASSWORDS_PER_ADDRESS", 3)
    assert [await sign_in(client, name, device="laptop") for name in members] == [401] * 3
    # The next stranger starts the wait, and is the only one to get through.
    assert [await sign_in(client, f"guest{n}") for n in range(2)] == [401, 429]
    assert await sign_in(client, "grace", device="laptop") == 401
    assert await sign_in(client, "grace", PASSWORD, device="laptop") == 200
    # Nor does the right password there end the wait of the others.
    assert await sign_in(client, "guest2") == 429


async def test_members_at_their_usual_devices_make_nobody_wait(
    client: Client, ada: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "WRONG_PASSWORDS_PER_ADDRESS", 2)
    for _ in range(4):
        assert await sign_in(client, password=PASSWORD, device="laptop") == 200
    assert [await sign_in(client, f"guest{n}") for n in range(3)] == [401, 401, 429]


async def test_an_account_of_ones_own_gives_no_more_guesses_at_others(
    client: Client, ada: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "WRONG_PASSWORDS_PER_ADDRESS", 3)
    statuses = []
    for n in range(4):
        statuses.append(await sign_in(client, f"guest{n}"))
        if n < 2:
            assert await sign_in(client, password=PASSWORD, device=f"new{n}") == 200
    assert statuses == [401, 401, 401, 429]


async def test_each_wait_is_twice_as_long_as_the_one_before(committed: Hall) -> None:
    guesses = [Guesses("ada", 2)]
    waits = []
    assert await count_guess(committed.redis, guesses) == 0
    for _ in range(7):
        assert await count_guess(committed.redis, guesses) == 0
        waits.append(await count_guess(committed.redis, guesses))
        await time_passes(committed, "ada")
    assert waits == [min(FIRST_WAIT_SECONDS << n, LONGEST_WAIT_SECONDS) for n in range(7)]
    assert 0 < await committed.redis.ttl("guesses:ada") <= 3600


async def test_who_has_to_wait_for_one_count_is_not_counted_in_another(committed: Hall) -> None:
    own, shared = Guesses("own", 1), Guesses("shared", 2, shared=True)
    assert await count_guess(committed.redis, [own, shared]) == 0
    assert await count_guess(committed.redis, [own, shared]) > 0
    assert await count_guess(committed.redis, [shared]) == 0
    assert await count_guess(committed.redis, [shared]) > 0


async def test_who_only_adds_to_a_count_neither_waits_for_it_nor_moves_its_wait(
    committed: Hall,
) -> None:
    waiting = Guesses("shared", 1, shared=True)
    adding = [waiting._replace(free=None)]
    assert await count_guess(committed.redis, [waiting]) == 0
    until = await committed.redis.hget("guesses:shared", "until")
    assert await count_guess(committed.redis, adding) == 0
    assert await committed.redis.hget("guesses:shared", "tries") == b"2"
    await forgive_guess(committed.redis, adding)
    assert await committed.redis.hgetall("guesses:shared") == {b"tries": b"1", b"until": until}


async def test_a_guess_that_was_right_leaves_nothing_behind(committed: Hall) -> None:
    guesses = [Guesses("own", 1), Guesses("shared", 1, shared=True)]
    for _ in range(3):
        assert await count_guess(committed.redis, guesses) == 0
        await forgive_guess(committed.redis, guesses)
    assert await committed.redis.keys("guesses:*") == []


async def test_one_signs_in_without_redis(client: Client, ada: None, committed: Hall) -> None:
    async with open_redis("unix:///nowhere/redis.sock") as nowhere:
        app = create_app(committed.settings)
        furnish(app, replace(committed, redis=nowhere))
        assert await sign_in(Client(app), password=PASSWORD) == 200
        assert await sign_in(Client(app)) == 401


async def test_whoever_claims_an_address_comes_in_by_it_whether_or_not_it_is_somebodys(
    client: Client, ada: None
) -> None:
    """Else to register with an address, and to sign in by it, would tell whose it is."""
    for username, email in (("mallory", "ada@example.org"), ("eve", "nobody@example.org")):
        body = {"username": username, "email": email, "password": "a password of their own"}
        assert (await client.post("/auth/register", json=body)).status_code == 201
        assert await sign_in(client, email, "a password of their own") == 200
    assert await sign_in(client, "ada@example.org", password=PASSWORD) == 200


async def test_a_claim_of_ones_own_gives_no_more_guesses_at_another(
    client: Client, ada: None
) -> None:
    body = {
        "username": "mallory",
        "email": "ada@example.org",
        "password": "a password of their own",
    }
    await client.post("/auth/register", json=body)
    wrong = 0
    while await sign_in(client, "ada@example.org", "a wrong guess", device="theirs") == 401:
        wrong += 1
        await sign_in(client, "ada@example.org", "a password of their own", device="theirs")
    assert wrong <= WRONG_PASSWORDS
