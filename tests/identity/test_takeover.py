"""What somebody has who knows a password, or sits at an open session: not the account."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import select

from guildhall.identity import logins
from guildhall.identity.errors import CredentialsWrong
from guildhall.identity.models import Passkey, User
from guildhall.identity.passwords import hash_password
from guildhall.identity.rules import standing
from guildhall.identity.schemas import Transport
from guildhall.infra.hall import Hall
from guildhall.infra.tokens import Tokens
from guildhall.kernel.client import RequestClient
from guildhall.kernel.ids import new_id
from tests.identity.mailbox import Mailbox, deliver
from tests.world import Client, SettableClock

PASSWORD = "analytical engine at noon"
ADA = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
LOGIN = {"login": "ada", "password": PASSWORD}


@pytest.fixture
async def ada(client: Client) -> Client:
    await client.post("/auth/register", json=ADA)
    token = (await client.post("/auth/login", json=LOGIN)).json()["access_token"]
    return client.with_token(token)


async def account(hall: Hall) -> User:
    async with hall.units.read() as uow:
        return (await uow.session.scalars(select(User).where(User.username == "ada"))).one()


async def set_columns(hall: Hall, **columns: Any) -> None:
    async with hall.units.write() as uow:
        ada = (await uow.session.scalars(select(User).where(User.username == "ada"))).one()
        for name, value in columns.items():
            setattr(ada, name, value)


async def with_passkey(hall: Hall) -> None:
    owner = await account(hall)
    async with hall.units.write() as uow:
        uow.session.add(
            Passkey(
                user_id=owner.id, id=new_id(), credential_id=b"c", public_key=b"k", sign_count=0,
                name="hers", transports=[], created_at=uow.now,
            )
        )  # fmt: skip


async def test_a_password_that_was_changed_while_it_was_checked_lets_nobody_in(
    client: Client, committed: Hall, ada: Client
) -> None:
    owner = await account(committed)
    checked = standing(owner.password_hash)
    new_hash = await hash_password("another password")
    await set_columns(committed, password_hash=new_hash)
    with pytest.raises(CredentialsWrong):
        await logins.let_in(
            committed,
            Tokens(committed.endpoints.secret_key),
            owner.id,
            "a thief's",
            RequestClient("192.0.2.1", ""),
            transport=Transport.BEARER,
            method="password",
            standing=checked,
            new_hash="the old one, upgraded",
        )
    assert (await account(committed)).password_hash == new_hash


async def test_an_old_hash_is_upgraded_all_the_same(
    client: Client, committed: Hall, ada: Client
) -> None:
    await set_columns(committed, password_hash=BcryptHasher(rounds=4).hash(PASSWORD))
    assert (await client.post("/auth/login", json=LOGIN)).status_code == 200
    assert ((await account(committed)).password_hash or "").startswith("$argon2id$")


async def test_who_was_half_way_in_when_the_password_changed_starts_anew(
    client: Client, committed: Hall, clock: SettableClock, ada: Client
) -> None:
    secret = (await ada.post("/users/me/totp")).json()["secret"]
    code = pyotp.TOTP(secret).at(clock.now())
    assert (await ada.post("/users/me/totp/confirm", json={"code": code})).status_code == 200
    half_way = (await client.post("/auth/login", json=LOGIN)).json()["second_factor_token"]
    await set_columns(committed, password_hash=await hash_password("another password"))
    code = pyotp.TOTP(secret).at(clock.advance(seconds=60))
    answer = await client.post(
        "/auth/second-factor", json={"second_factor_token": half_way, "code": code}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "credentials_wrong")


async def test_the_password_of_who_has_a_passkey_sets_up_no_second_factor(
    client: Client, committed: Hall, clock: SettableClock, ada: Client
) -> None:
    begun = await ada.post("/users/me/totp")
    secret = begun.json()["secret"]
    await with_passkey(committed)
    code = pyotp.TOTP(secret).at(clock.now())
    for answer in (
        await ada.post("/users/me/totp"),
        await ada.post("/users/me/totp/confirm", json={"code": code}),
        await ada.post("/users/me/passkeys/options"),
        await ada.patch("/users/me", json={"email": "thief@example.org"}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "reauthentication_required")


async def test_an_address_that_is_not_yet_verified_resets_no_account_that_had_one(
    client: Client, committed: Hall, ada: Client
) -> None:
    mailbox = Mailbox()
    await deliver(committed, mailbox)
    token = mailbox.token("ada@example.org")
    assert (await client.post("/auth/verify-email", json={"token": token})).status_code == 204
    changed = await ada.patch("/users/me", json={"email": "thief@example.org"})
    assert changed.status_code == 200
    await client.post("/auth/password-reset", json={"email": "thief@example.org"})
    await deliver(committed, mailbox)
    assert mailbox.to("thief@example.org", "Set a new password") == []
    assert mailbox.to("thief@example.org") != []  # The letter to verify it.


async def test_an_account_without_a_password_has_none_that_can_be_guessed(
    client: Client, committed: Hall, ada: Client
) -> None:
    for stored in ("", None):
        await set_columns(committed, password_hash=stored)
        for guess in ("nobody has this password", "None", "no password"):
            answer = await client.post("/auth/login", json=LOGIN | {"password": guess})
            assert answer.status_code == 401


async def test_no_letter_carries_a_strangers_words_to_an_address_they_only_claim(
    client: Client, committed: Hall, ada: Client
) -> None:
    for device in ("first", "Locked. Unlock: https://evil.example"):
        answer = await client.post("/auth/login", json=LOGIN | {"device": device})
        assert answer.status_code == 200
    mailbox = Mailbox()
    await deliver(committed, mailbox)
    assert not [letter for letter in mailbox.letters if "evil.example" in letter.text]
