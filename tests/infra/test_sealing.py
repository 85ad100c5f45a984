"""Sealed values open where they belong, and nowhere else."""

from __future__ import annotations

import base64
import os
from dataclasses import replace

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from guildhall.identity.models import TOTP_SECRET, TotpSecret
from guildhall.infra.hall import Hall
from guildhall.infra.sealing import SealBroken, Sealer, reseal
from guildhall.infra.settings import SecuritySettings
from guildhall.kernel.ids import new_id
from tests import factories

SECRET = "one-secret-key-0123456789-abcdefghijk"
OTHER = "another-secret-key-9876543210-kjihgfe"
ROWS = 7


def key(name: str) -> SecretStr:
    return SecretStr(f"{name}:{base64.b64encode(os.urandom(32)).decode()}")


def sealer(secret: str = SECRET, **settings: object) -> Sealer:
    return Sealer.of(SecuritySettings.model_validate(settings), secret)


def test_a_value_opens_with_its_key_in_its_place() -> None:
    sealed = sealer().seal(b"JBSWY3DPEHPK3PXP", b"here")
    assert sealer().open(sealed, b"here") == b"JBSWY3DPEHPK3PXP"
    assert b"JBSWY3DPEHPK3PXP" not in sealed
    assert sealer().seal(b"same", b"here") != sealer().seal(b"same", b"here")


@pytest.mark.parametrize("fault", ["place", "key", "bit", "cut"])
def test_a_value_does_not_open_otherwise(fault: str) -> None:
    sealed = sealer().seal(b"secret", b"here")
    opener, place = sealer(), b"here"
    if fault == "place":
        place = b"there"
    elif fault == "key":
        opener = sealer(OTHER)
    elif fault == "bit":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    else:
        sealed = sealed[:-20]
    with pytest.raises(SealBroken):
        opener.open(sealed, place)


def test_what_older_keys_sealed_still_opens() -> None:
    k1, k2 = key("k1"), key("k2")
    by_secret = sealer().seal(b"a", b"here")
    by_k1 = sealer(encryption_keys=[k1]).seal(b"b", b"here")
    rotated = sealer(OTHER, encryption_keys=[k2, k1], previous_secret_keys=[SecretStr(SECRET)])
    assert rotated.open(by_secret, b"here") == b"a"
    assert rotated.open(by_k1, b"here") == b"b"
    assert rotated.seal(b"c", b"here").startswith(b"k2\0")


@pytest.mark.parametrize("wrong", [["k1:short"], ["no name"], ["K1:" + "A" * 43], ["twice"]])
def test_keys_that_cannot_be_used_are_refused_without_being_shown(wrong: list[str]) -> None:
    keys = [key("k1"), key("k1")] if wrong == ["twice"] else [SecretStr(text) for text in wrong]
    with pytest.raises(ValidationError) as refused:
        SecuritySettings(encryption_keys=tuple(keys))
    for each in keys:
        assert each.get_secret_value() not in str(refused.value)


async def test_rotation_seals_everything_anew_and_then_the_old_key_can_go(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guildhall.infra.sealing.ROWS_AT_ONCE", 3)
    k1, k2 = key("k1"), key("k2")
    before = sealer(encryption_keys=[k1])
    plain = {}
    for _ in range(ROWS):
        member = await factories.member(hall)
        plain[member.id] = os.urandom(20)
        async with hall.units.write() as uow:
            sealed = before.seal(plain[member.id], TOTP_SECRET.place(member.id))
            uow.session.add(TotpSecret(user_id=member.id, sealed=sealed, created_at=uow.now))
    after = sealer(encryption_keys=[k2, k1])
    assert await reseal(hall.units, after, [TOTP_SECRET]) == ROWS
    assert await reseal(hall.units, after, [TOTP_SECRET]) == 0
    alone = sealer(OTHER, encryption_keys=[k2])
    async with hall.units.read() as uow:
        rows = (await uow.session.scalars(select(TotpSecret))).all()
    assert {
        row.user_id: alone.open(row.sealed, TOTP_SECRET.place(row.user_id)) for row in rows
    } == plain


async def test_a_rotation_without_the_old_key_changes_nothing(hall: Hall) -> None:
    member = await factories.member(hall)
    place = TOTP_SECRET.place(member.id)
    sealed = sealer(encryption_keys=[key("k1")]).seal(b"x", place)
    async with hall.units.write() as uow:
        uow.session.add(TotpSecret(user_id=member.id, sealed=sealed, created_at=uow.now))
    with pytest.raises(SealBroken, match="k1"):
        await reseal(hall.units, sealer(), [TOTP_SECRET])
    async with hall.units.read() as uow:
        assert (await uow.session.scalars(select(TotpSecret.sealed))).all() == [sealed]


def test_a_place_names_table_column_and_member() -> None:
    member_id = new_id()
    assert str(member_id).encode() in TOTP_SECRET.place(member_id)
    assert replace(TOTP_SECRET, column="other").place(member_id) != TOTP_SECRET.place(member_id)
