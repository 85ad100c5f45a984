"""Opening accounts, signing in, and not getting in."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import func, select

from guildhall.identity import Register, new_setup_token, service
from guildhall.identity.models import AuditEntry, SetupToken, User
from guildhall.identity.passwords import NOBODY
from guildhall.infra.hall import Hall
from guildhall.infra.handles import mint
from tests import factories
from tests.factories import Person
from tests.identity.waiting import until_it_waits
from tests.world import Client

ADA = {"username": "Ada", "email": "Ada@Example.org", "password": "analytical engine"}


async def actions(hall: Hall) -> Counter[str]:
    async with hall.units.read() as uow:
        return Counter(await uow.session.scalars(select(AuditEntry.action)))


async def test_an_account_is_opened_and_answers_without_its_password(client: Client) -> None:
    answer = await client.post("/auth/register", json=ADA)
    assert answer.status_code == 201
    user = answer.json()
    assert (user["username"], user["role"], user["status"]) == ("Ada", "member", "active")
    assert "password" not in answer.text
    assert ADA["password"] not in answer.text


@pytest.mark.parametrize("second", [{"username": "ada", "email": "new@example.org"}, {}])
async def test_a_name_is_taken_whatever_its_case(client: Client, second: dict[str, str]) -> None:
    await client.post("/auth/register", json=ADA)
    answer = await client.post("/auth/register", json=ADA | second)
    assert (answer.status_code, answer.json()["error"]) == (409, "username_taken")


async def test_an_address_that_somebody_has_is_not_told_to_who_registers_with_it(
    client: Client,
) -> None:
    answers = [
        await client.post("/auth/register", json=ADA),
        await client.post("/auth/register", json=ADA | {"username": "Grace"}),
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json().keys() == answers[1].json().keys()


async def test_of_twenty_who_want_one_name_at_once_one_gets_it(
    client: Client, committed: Hall
) -> None:
    answers = await asyncio.gather(
        *(
            client.post("/auth/register", json=ADA | {"email": f"ada{n}@example.org"})
            for n in range(20)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    async with committed.units.read() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(User)) == 1
    assert (await actions(committed))["user_registered"] == 1


async def test_a_rename_to_a_name_that_is_being_registered_is_refused(
    client: Client, committed: Hall, member: Person
) -> None:
    async with committed.units.write() as uow:
        await service.register(uow, Register.model_validate(ADA), NOBODY)
        renaming = asyncio.create_task(
            client.of(member).patch("/users/me", json={"username": "ada"})
        )
        await until_it_waits(committed, renaming)
    answer = await renaming
    assert (answer.status_code, answer.json()["error"]) == (409, "username_taken")
    assert (await client.of(member).get("/users/me")).json()["username"] == member.username


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "a"},
        {"username": "with space"},
        {"username": "-dash-"},
        {"username": "x" * 41},
        {"email": "nobody"},
        {"email": None},
        {"password": "engine7"},
        {"password": "x" * 257},
        {"password": "with\x00nul in it"},
        {"username": ["Ada"]},
        {"role": "admin"},
    ],
)
async def test_what_cannot_be_an_account_is_refused(
    client: Client, wrong: dict[str, object]
) -> None:
    answer = await client.post("/auth/register", json=ADA | wrong)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")


@pytest.mark.parametrize("login", ["Ada", "ada", "ADA", "ada@example.org", "ADA@EXAMPLE.ORG"])
async def test_one_signs_in_by_name_or_address_in_any_case(client: Client, login: str) -> None:
    await client.post("/auth/register", json=ADA)
    answer = await client.post("/auth/login", json={"login": login, "password": ADA["password"]})
    assert answer.status_code == 200
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 1800)
    me = await client.with_token(tokens["access_token"]).get("/users/me")
    assert me.json()["username"] == "Ada"


async def test_the_password_form_signs_in_too(client: Client) -> None:
    await client.post("/auth/register", json=ADA)
    form = {"username": "ada", "password": ADA["password"], "grant_type": "password"}
    answer = await client.post("/auth/token", data=form)
    assert (answer.status_code, answer.json()["token_type"]) == (200, "bearer")
    wrong = await client.post("/auth/token", data=form | {"password": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "credentials_wrong")


async def test_an_unknown_name_and_a_wrong_password_look_the_same(
    client: Client, committed: Hall
) -> None:
    await client.post("/auth/register", json=ADA)
    wrong = await client.post("/auth/login", json={"login": "ada", "password": "wrong"})
    unknown = await client.post("/auth/login", json={"login": "nobody", "password": "wrong"})
    bodies = [answer.json() for answer in (wrong, unknown)]
    for body in bodies:
        del body["request_id"]
    assert bodies[0] == bodies[1]
    assert wrong.status_code == unknown.status_code == 401
    assert set(wrong.headers) == set(unknown.headers)
    assert (await actions(committed))["login_failed"] == 2


async def test_a_bcrypt_password_is_taken_and_made_into_argon2(
    client: Client, committed: Hall
) -> None:
    old = BcryptHasher(rounds=4).hash(ADA["password"])
    person = await factories.person(committed, password_hash=old)
    login = {"login": person.username, "password": ADA["password"]}
    for _ in range(2):
        assert (await client.post("/auth/login", json=login)).status_code == 200
        async with committed.units.read() as uow:
            stored = (await uow.session.get_one(User, person.id)).password_hash
        assert stored.startswith("$argon2id$")


async def test_the_setup_token_lets_one_admin_in_however_many_try(
    client: Client, committed: Hall
) -> None:
    async with committed.units.write() as uow:
        token = await new_setup_token(uow)
    answers = await asyncio.gather(
        *(
            client.post(
                "/auth/setup",
                json={
                    "username": f"root{n}",
                    "email": f"root{n}@example.org",
                    "password": "open the hall",
                    "token": token,
                },
            )
            for n in range(20)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 403: 19}
    (opened,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert opened["role"] == "admin"
    async with committed.units.write() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(SetupToken)) == 0
        assert await new_setup_token(uow) is None


async def test_a_wrong_or_replaced_setup_token_opens_nothing(
    client: Client, committed: Hall
) -> None:
    async with committed.units.write() as uow:
        first = await new_setup_token(uow)
    async with committed.units.write() as uow:
        await new_setup_token(uow)
    another, _ = mint("ghs")
    for token in (first, another, "guess"):
        answer = await client.post("/auth/setup", json=ADA | {"token": token})
        assert (answer.status_code, answer.json()["error"]) == (403, "setup_closed")


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"daily_capacity_minutes": 5}, {"daily_capacity_minutes": 5}),
        ({"daily_capacity_minutes": 960}, {"daily_capacity_minutes": 960}),
        ({"rest_days": [6, 5, 6]}, {"rest_days": [5, 6]}),
        ({"rest_days": []}, {"rest_days": []}),
    ],
)
async def test_a_member_says_how_much_fits_into_a_day(
    client: Client, member: Person, change: dict[str, Any], kept: dict[str, Any]
) -> None:
    answer = await client.of(member).patch("/users/me", json=change)
    assert answer.status_code == 200, answer.text
    read = (await client.of(member).get("/users/me")).json()
    assert {name: read[name] for name in kept} == kept


@pytest.mark.parametrize(
    "change",
    [
        {"daily_capacity_minutes": 4},
        {"daily_capacity_minutes": 961},
        {"daily_capacity_minutes": "an hour"},
        {"rest_days": [7]},
        {"rest_days": [0, 1, 2, 3, 4, 5, 6]},
        {"rest_days": "sunday"},
    ],
)
async def test_a_day_that_cannot_be_is_refused(
    client: Client, member: Person, change: dict[str, Any]
) -> None:
    assert (await client.of(member).patch("/users/me", json=change)).status_code == 422
