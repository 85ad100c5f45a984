"""Passwords: which are refused, and that hashing them cannot bring the hall to a stop."""

from __future__ import annotations

import asyncio
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from guildhall.entrypoints.api import furnish
from guildhall.identity import BannedPasswords, PasswordPolicy, create_admin, new_setup_token
from guildhall.identity.errors import PasswordTooCommon
from guildhall.identity.passwords import (
    MOST_AT_ONCE,
    ROOM,
    THREADS,
    hash_password,
    verify_password,
)
from guildhall.identity.schemas import Register
from guildhall.infra.hall import Hall
from guildhall.infra.settings import SecuritySettings
from tests.factories import Person
from tests.infra.serving import PATIENCE_SECONDS
from tests.world import Client

ADA = {"username": "Ada", "email": "Lovelace@Example.org", "password": "analytical engine"}
POLICY = PasswordPolicy(BannedPasswords(None))


def is_refused(password: str, *own: str, policy: PasswordPolicy = POLICY) -> bool:
    try:
        policy.check(password, *own)
    except PasswordTooCommon:
        return True
    return False


def test_every_one_of_the_thirty_thousand_commonest_is_refused_in_any_case() -> None:
    commonest = FREQUENCY_LISTS["passwords"]
    assert len(commonest) == 30_000
    assert all(is_refused(password.upper()) for password in commonest)


@pytest.mark.parametrize(
    "password",
    [
        "guildhall", "GuildHall", "guildhall123", "Guildhall-2031!", "guildhallguildhall",
        "lovelace", "Lovelace1", "lovelace@example.org", "LOVELACE@EXAMPLE.ORG", "1815lovelace!",
        "ada.ada.ada", "ada-guildhall-1", "example.org1", "ada lovelace", "adaXlovelace",
    ],
)  # fmt: skip
def test_what_is_made_of_ones_own_words_is_refused(password: str) -> None:
    assert is_refused(password, "Ada", "Lovelace@Example.org")


@pytest.mark.parametrize(
    "password",
    ["analytical engine", "adamant will", "lovelace engine", "9384-1723-5521", "ünïcødé wörds"],
)
def test_any_other_is_good_whatever_it_is_composed_of(password: str) -> None:
    assert not is_refused(password, "Ada", "Lovelace@Example.org")


def test_lines_of_the_operators_file_are_refused_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "banned.txt"
    path.write_bytes("Our Town FC\r\n\nspaces stay \nStraße 1234\n".encode() + b"not \xff utf8\n")
    policy = PasswordPolicy(BannedPasswords(path))
    for password in ("our town fc", "OUR TOWN FC", "spaces stay ", "STRASSE 1234"):
        assert is_refused(password, policy=policy), password
        assert not is_refused(password), password
    for password in ("our town f", "our town fcc", "spaces stay", ""):
        assert not is_refused(password, policy=policy), password


def test_of_a_long_file_every_line_is_found_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "banned.txt"
    path.write_text("\n".join(f"password number {n}" for n in range(50_000)))
    banned = BannedPasswords(path)
    assert all(f"password number {n}" in banned for n in range(50_000))
    assert not any(f"password number {n}" in banned for n in range(50_000, 100_000))


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not point to a file"):
        SecuritySettings(_env_file=None, banned_passwords=tmp_path / "missing")  # type: ignore[call-arg]


LONG = "The Analytical Engine weaves algebraical patterns just as a loom"


@pytest.mark.parametrize(
    "password",
    [LONG, LONG * 4, f"  {LONG} ", "CaMeL hAs TwO hUmPs", "ÅNGSTRÖM ångström ｆｕｌｌ 𝕨𝕚𝕕𝕖"],
)
async def test_a_password_is_taken_as_it_was_typed_and_in_no_other_way(
    client: Client, password: str
) -> None:
    assert len(LONG) == 64
    assert (await client.post("/auth/register", json=ADA | {"password": password})).is_success
    twisted = {
        password.strip(), f"{password} ", f" {password}", password.swapcase(), password.casefold(),
        password[:-1], password[:63], password[:72], f"{password}x",
        unicodedata.normalize("NFKC", password),
    } - {password}  # fmt: skip
    for typed in (*sorted(twisted), password):
        answer = await client.post("/auth/login", json={"login": "Ada", "password": typed[:256]})
        assert answer.is_success is (typed[:256] == password), typed


@pytest.mark.parametrize("password", ["password1", "Lovelace99", "guildhall2031"])
async def test_a_bad_one_opens_no_account(client: Client, committed: Hall, password: str) -> None:
    answer = await client.post("/auth/register", json=ADA | {"password": password})
    assert (answer.status_code, answer.json()["error"]) == (422, "password_too_common")
    async with committed.units.write() as uow:
        token = await new_setup_token(uow)
    answer = await client.post("/auth/setup", json=ADA | {"password": password, "token": token})
    assert (answer.status_code, answer.json()["error"]) == (422, "password_too_common")
    with pytest.raises(PasswordTooCommon):
        async with committed.units.write() as uow:
            await create_admin(uow, POLICY, Register.model_validate(ADA | {"password": password}))
    # None of them used the name up, nor the token.
    assert (await client.post("/auth/setup", json=ADA | {"token": token})).status_code == 201


async def test_the_operators_file_holds_for_the_api(
    client: Client, application: Any, committed: Hall, tmp_path: Path
) -> None:
    path = tmp_path / "banned.txt"
    path.write_text("analytical engine\n")
    security = committed.settings.security.model_copy(update={"banned_passwords": path})
    furnish(
        application, replace(committed, settings=replace(committed.settings, security=security))
    )
    answer = await client.post("/auth/register", json=ADA)
    assert (answer.status_code, answer.json()["error"]) == (422, "password_too_common")


@pytest.fixture
def busy() -> Iterator[threading.Event]:
    """Keep both hashing threads at work until the event is set, or the test is over."""
    over = threading.Event()
    running = [THREADS.submit(over.wait, 60) for _ in range(2)]
    yield over
    over.set()
    for future in running:
        future.result()


async def test_more_than_can_be_hashed_soon_are_told_to_come_back(
    client: Client, busy: threading.Event
) -> None:
    waiting = [asyncio.create_task(hash_password("anything")) for _ in range(MOST_AT_ONCE)]
    await asyncio.sleep(0)
    answers = [
        await client.post("/auth/login", json={"login": "nobody", "password": "anything"}),
        await client.post("/auth/register", json=ADA),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (503, "hall_busy")
        assert int(answer.headers["retry-after"]) > 0
    busy.set()
    assert len(await asyncio.gather(*waiting)) == MOST_AT_ONCE
    assert (await client.post("/auth/register", json=ADA)).status_code == 201


async def test_no_connection_to_the_database_waits_for_a_hash(
    client: Client, committed: Hall, member: Person, busy: threading.Event
) -> None:
    wrong, mine = {"password": "anything"}, client.of(member)
    change = {"current_password": "anything", "new_password": "analytical engine"}
    requests = [
        *(client.post("/auth/login", json=wrong | {"login": f"guest{n}"}) for n in range(5)),
        *(client.post("/auth/token", data=wrong | {"username": f"guest{n}"}) for n in range(5)),
        client.post("/auth/register", json=ADA),
        client.post("/auth/register", json=ADA, headers={"Idempotency-Key": "once"}),
        mine.post("/auth/reauthenticate", json=wrong),
        mine.post("/users/me/password", json=change),
    ]
    asked = [asyncio.create_task(request) for request in requests]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while THREADS._work_queue.qsize() < len(asked):  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
    database = committed.database
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert database.reads.get_size() == database.reads.get_idle_size()
    busy.set()
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*asked))
    assert statuses == {401: 11, 201: 1, 409: 1, 403: 1}


async def test_who_gives_up_waiting_makes_room(busy: threading.Event) -> None:
    waiting = [asyncio.create_task(hash_password("anything")) for _ in range(MOST_AT_ONCE)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert Counter(type(outcome) for outcome in outcomes) == {asyncio.CancelledError: MOST_AT_ONCE}
    again = [asyncio.create_task(hash_password("anything")) for _ in range(MOST_AT_ONCE)]
    busy.set()
    assert len(await asyncio.gather(*again)) == MOST_AT_ONCE


async def test_what_was_hashed_is_verified_and_room_is_left() -> None:
    hashes = await asyncio.gather(*(hash_password("anything") for _ in range(20)))
    assert len(set(hashes)) == 20
    assert await verify_password("anything", hashes[0]) == (True, None)
    assert await verify_password("something", hashes[0]) == (False, None)
    assert await verify_password("nobody has this password", None) == (False, None)
    for _ in range(MOST_AT_ONCE):
        assert ROOM.acquire(blocking=False)
    assert not ROOM.acquire(blocking=False)
    ROOM.release(MOST_AT_ONCE)
