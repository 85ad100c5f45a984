"""Passkeys: made and used as browsers do it, and refused in every other way."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import asyncpg
import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from guildhall.entrypoints.api import furnish
from guildhall.identity.models import AuditEntry
from guildhall.identity.passkeys import MOST_PASSKEYS
from guildhall.infra.hall import Hall, open_redis
from guildhall.infra.settings import RateLimitSettings
from guildhall.kernel.ids import new_id
from tests import factories
from tests.factories import Person
from tests.identity.authenticator import Authenticator, b64, unb64
from tests.world import Client, SettableClock

Json = dict[str, Any]


async def options_to_register(own: Client) -> Json:
    answer = await own.post("/users/me/passkeys/options")
    assert answer.status_code == 200, answer.text
    options: Json = answer.json()["options"]
    return options


async def options_to_sign_in(client: Client) -> Json:
    answer = await client.post("/auth/passkey/options")
    assert answer.status_code == 200, answer.text
    options: Json = answer.json()["options"]
    return options


async def register(own: Client, credential: Any, name: Any = "phone") -> tuple[int, Json]:
    return await post(own, "/users/me/passkeys", {"name": name, "credential": credential})


async def sign_in(client: Client, credential: Any, **body: Any) -> tuple[int, Json]:
    return await post(client, "/auth/passkey", {"credential": credential} | body)


async def post(client: Client, path: str, body: Any) -> tuple[int, Json]:
    answer = await client.post(
        path,
        content=json.dumps(body),  # Which can say half a surrogate.
        headers={"content-type": "application/json"},
    )
    return answer.status_code, answer.json()


async def passkey_of(own: Client, **lies: Any) -> Authenticator:
    """Give somebody a passkey."""
    authenticator = Authenticator(**lies)
    status, answer = await register(own, authenticator.create(await options_to_register(own)))
    assert status == 201, answer
    return authenticator


@pytest.fixture
async def member(committed: Hall) -> Person:
    """Signed in with more than a password: else who has a passkey makes no other one."""
    return await factories.person(committed, second_factor=True)


@pytest.fixture
async def phone(client: Client, member: Person) -> Authenticator:
    return await passkey_of(client.of(member))


async def acts(hall: Hall) -> Counter[str]:
    async with hall.units.read() as uow:
        return Counter((await uow.session.scalars(select(AuditEntry.action))).all())


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
@pytest.mark.parametrize("attestation", ["none", "packed"])
@pytest.mark.parametrize("counts", [True, False])
async def test_a_passkey_is_made_and_opens_a_session_that_counts_as_two_factors(
    client: Client,
    member: Person,
    algorithm: Literal["ES256", "EdDSA"],
    attestation: Literal["none", "packed"],
    counts: bool,
) -> None:
    own, phone = client.of(member), Authenticator(algorithm=algorithm, counts=counts)
    options = await options_to_register(own)
    assert options["rp"]["id"] == "localhost"
    assert unb64(options["user"]["id"]) == member.id.bytes
    status, made = await register(own, phone.create(options, attestation=attestation))
    assert (status, made["name"], made["transports"]) == (201, "phone", ["hybrid", "internal"])
    for _ in range(2):
        status, tokens = await sign_in(
            client, phone.get(await options_to_sign_in(client)), device="pad"
        )
        assert status == 200, tokens
    signed_in = client.with_token(tokens["access_token"])
    assert (await signed_in.get("/users/me")).json()["id"] == str(member.id)
    sessions = (await signed_in.get("/users/me/sessions")).json()["items"]
    [current] = [each for each in sessions if each["current"]]
    assert (current["second_factor"], current["device"]) == (True, "pad")
    assert (await signed_in.get("/users/me/second-factor")).json()["passkeys"] == 1


async def test_passkeys_are_listed_in_pages_and_excluded_from_being_made_again(
    client: Client, member: Person
) -> None:
    own = client.of(member)
    made = [await passkey_of(own) for _ in range(3)]
    first = (await own.get("/users/me/passkeys?limit=2")).json()
    rest = (await own.get(f"/users/me/passkeys?limit=2&cursor={first['next_cursor']}")).json()
    ids = [each["id"] for each in first["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 3
    assert rest["next_cursor"] is None
    options = await options_to_register(own)
    excluded = {each["id"] for each in options["excludeCredentials"]}
    assert excluded == {b64(each.credential_id) for each in made}
    status, answer = await register(own, made[0].create(options))
    assert (status, answer["error"]) == (409, "passkey_known")


async def test_each_of_a_members_passkeys_opens_by_its_own_key(
    client: Client, member: Person, phone: Authenticator
) -> None:
    stick = await passkey_of(client.of(member), algorithm="EdDSA")
    for each in (phone, stick):
        assert (await sign_in(client, each.get(await options_to_sign_in(client))))[0] == 200
    stick.credential_id = phone.credential_id
    status, answer = await sign_in(client, stick.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (401, "passkey_refused")


async def test_a_removed_passkey_opens_nothing_and_removing_is_for_its_owner(
    client: Client, committed: Hall, member: Person, other: Person, phone: Authenticator
) -> None:
    own = client.of(member)
    [made] = (await own.get("/users/me/passkeys")).json()["items"]
    for who, passkey_id in ((other, made["id"]), (member, new_id())):
        answer = await client.of(who).delete(f"/users/me/passkeys/{passkey_id}")
        assert (answer.status_code, answer.json()["error"]) == (404, "passkey_not_found")
    options = await options_to_sign_in(client)
    assert (await own.delete(f"/users/me/passkeys/{made['id']}")).status_code == 204
    status, answer = await sign_in(client, phone.get(options))
    assert (status, answer["error"]) == (401, "passkey_refused")
    recorded = await acts(committed)
    assert recorded["passkey_added"] == recorded["passkey_removed"] == 1


async def test_a_member_has_so_many_passkeys_and_no_more_even_at_once(
    client: Client, member: Person
) -> None:
    own = client.of(member)
    made = [Authenticator() for _ in range(MOST_PASSKEYS + 4)]
    credentials = [each.create(await options_to_register(own)) for each in made]
    answers = await asyncio.gather(*(register(own, each) for each in credentials))
    assert Counter(status for status, _ in answers) == {201: MOST_PASSKEYS, 409: 4}
    assert {answer["error"] for status, answer in answers if status == 409} == {"passkey_limit"}


async def test_an_answer_is_good_once_even_of_twenty_at_once(
    client: Client, member: Person
) -> None:
    own = client.of(member)
    phone = Authenticator(counts=False)
    made = phone.create(await options_to_register(own))
    answers = await asyncio.gather(*(register(own, made) for _ in range(20)))
    assert Counter(status for status, _ in answers) == {201: 1, 422: 19}
    signed = phone.get(await options_to_sign_in(client))
    answers = await asyncio.gather(*(sign_in(client, signed) for _ in range(20)))
    assert Counter(status for status, _ in answers) == {200: 1, 422: 19}
    assert {answer.get("error") for status, answer in answers if status == 422} == {
        "passkey_challenge_invalid"
    }


async def test_a_challenge_is_for_one_purpose_and_one_member(
    client: Client, member: Person, other: Person, phone: Authenticator
) -> None:
    own = client.of(member)
    to_sign_in, to_register = await options_to_sign_in(client), await options_to_register(own)
    theirs = await options_to_register(client.of(other))
    for options in (
        to_register | {"challenge": to_sign_in["challenge"]},
        to_register | {"challenge": theirs["challenge"]},
        to_register | {"challenge": b64(os.urandom(32))},
    ):
        status, answer = await register(own, Authenticator().create(options))
        assert (status, answer["error"]) == (422, "passkey_challenge_invalid")
    for challenge in (to_register["challenge"], b64(os.urandom(32)), ""):
        status, answer = await sign_in(client, phone.get(to_sign_in | {"challenge": challenge}))
        assert (status, answer["error"]) == (422, "passkey_challenge_invalid")


async def test_an_answer_from_a_page_inside_another_sites_is_refused(
    client: Client, member: Person, phone: Authenticator
) -> None:
    own, framed = client.of(member), Authenticator(cross_origin=True)
    status, answer = await register(own, framed.create(await options_to_register(own)))
    assert (status, answer["error"]) == (422, "passkey_challenge_invalid")
    phone.cross_origin = True
    status, answer = await sign_in(client, phone.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (422, "passkey_challenge_invalid")


async def test_a_challenge_is_forgotten_after_five_minutes(client: Client, committed: Hall) -> None:
    await options_to_sign_in(client)
    [key] = await committed.redis.keys("passkey-challenge:*")
    assert 0 < await committed.redis.ttl(key) <= 300


LIES: list[dict[str, Any]] = [
    {"origin": "http://localhost:8001"},
    {"origin": "https://localhost:8000"},
    {"origin": "http://evil.example"},
    {"rp_id": "evil.example"},
    {"verifies_user": False},
]


@pytest.mark.parametrize("lie", LIES)
async def test_a_passkey_of_elsewhere_or_without_the_user_verified_is_not_kept(
    client: Client, member: Person, lie: dict[str, Any]
) -> None:
    own = client.of(member)
    status, answer = await register(
        own, Authenticator(**lie).create(await options_to_register(own))
    )
    assert (status, answer["error"]) == (422, "passkey_not_valid")
    assert (await own.get("/users/me/passkeys")).json()["items"] == []


@pytest.mark.parametrize("lie", LIES)
async def test_a_signature_for_elsewhere_or_without_the_user_verified_opens_nothing(
    client: Client, phone: Authenticator, lie: dict[str, Any]
) -> None:
    for name, value in lie.items():
        setattr(phone, name, value)
    status, answer = await sign_in(client, phone.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (401, "passkey_refused")


async def test_a_passkey_that_signs_with_another_key_is_refused(
    client: Client, phone: Authenticator
) -> None:
    thief = Authenticator(credential_id=phone.credential_id, user_handle=phone.user_handle)
    thief.sign_count = 100
    status, answer = await sign_in(client, thief.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (401, "passkey_refused")
    assert (await sign_in(client, phone.get(await options_to_sign_in(client))))[0] == 200


async def test_a_passkey_opens_its_owners_account_only(
    client: Client, member: Person, other: Person, phone: Authenticator
) -> None:
    theirs = await passkey_of(client.of(other))
    theirs.user_handle = member.id.bytes
    status, answer = await sign_in(client, theirs.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (401, "passkey_refused")
    theirs.user_handle = new_id().bytes
    status, answer = await sign_in(client, theirs.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (401, "passkey_refused")


async def test_a_counter_that_does_not_go_up_is_refused_and_on_record(
    client: Client, committed: Hall, phone: Authenticator
) -> None:
    assert (await sign_in(client, phone.get(await options_to_sign_in(client))))[0] == 200
    used = phone.sign_count
    for sign_count in (used - 1, used - 2):  # The answer has one more.
        phone.sign_count = sign_count
        status, answer = await sign_in(client, phone.get(await options_to_sign_in(client)))
        assert (status, answer["error"]) == (401, "passkey_counter_wrong")
    phone.counts, phone.sign_count = False, 0
    status, answer = await sign_in(client, phone.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (401, "passkey_counter_wrong")
    assert (await acts(committed))["passkey_counter_wrong"] == 3
    phone.counts, phone.sign_count = True, used
    assert (await sign_in(client, phone.get(await options_to_sign_in(client))))[0] == 200


async def test_who_is_suspended_does_not_come_in(
    client: Client, owner: asyncpg.Connection, phone: Authenticator
) -> None:
    await owner.execute("UPDATE users SET status = 'suspended'")
    status, answer = await sign_in(client, phone.get(await options_to_sign_in(client)))
    assert (status, answer["error"]) == (403, "account_suspended")


async def test_making_and_removing_needs_a_recent_sign_in(
    client: Client, clock: SettableClock, member: Person, phone: Authenticator
) -> None:
    own = client.of(member)
    [made] = (await own.get("/users/me/passkeys")).json()["items"]
    credential = Authenticator().create(await options_to_register(own))
    clock.advance(minutes=11)
    refused = [
        await own.post("/users/me/passkeys/options"),
        await own.post("/users/me/passkeys", json={"name": "x", "credential": credential}),
        await own.delete(f"/users/me/passkeys/{made['id']}"),
    ]
    assert {answer.json()["error"] for answer in refused} == {"reauthentication_required"}


async def test_a_browser_signs_in_by_cookie_from_the_halls_own_page_only(
    client: Client, phone: Authenticator
) -> None:
    credential = phone.get(await options_to_sign_in(client))
    body = {"credential": credential, "transport": "cookie"}
    for headers in ({"sec-fetch-site": "cross-site"}, {}):
        refused = await client.post("/auth/passkey", json=body, headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (403, "cross_site_request")
    own_page = {"sec-fetch-site": "same-origin"}
    let_in = await client.post("/auth/passkey", json=body, headers=own_page)
    assert let_in.status_code == 200
    assert "__Host-guildhall" in let_in.cookies


async def test_while_redis_is_away_passkeys_say_so_and_a_wiped_one_costs_a_try(
    client: Client, committed: Hall, application: Any, phone: Authenticator
) -> None:
    credential = phone.get(await options_to_sign_in(client))
    async with open_redis("redis://127.0.0.1:1/0") as nowhere:
        furnish(application, replace(committed, redis=nowhere))
        assert (await client.post("/auth/passkey/options")).status_code == 503
        status, answer = await sign_in(client, credential)
        assert (status, answer["error"]) == (503, "passkeys_unavailable")
    furnish(application, committed)
    await committed.redis.flushdb()
    assert (await sign_in(client, credential))[1]["error"] == "passkey_challenge_invalid"
    assert (await sign_in(client, phone.get(await options_to_sign_in(client))))[0] == 200


def paths_of(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [path]
    return [path, *(each for key in value for each in paths_of(value[key], (*path, key)))]


def put(value: Json, path: tuple[str, ...], new: Any) -> Json:
    """Give a copy with something else at a place."""
    copied: Json = json.loads(json.dumps(value))
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return copied


def deep(levels: int) -> str:
    return b64(b"[" * levels)


@pytest.fixture
def unlimited(client: Client, committed: Hall, application: Any) -> Client:
    """A client that may ask as often as it likes."""
    free = RateLimitSettings(rate_limit_enabled=False)
    furnish(application, replace(committed, settings=replace(committed.settings, rate_limit=free)))
    return client


REFUSED = {401, 422}
NASTY = [
    None, 0, 1.5, True, "", "x", "=", "A", "AAAAA", "\x00", "\ud800", "é", [], [[]], {}, {"a": 1},
    "A" * 5000, "A" * 500_000, deep(3000), b64(b'{"type":1,"challenge":1,"origin":1}'),
    b64(b'{"type":"webauthn.get","challenge":{},"origin":[]}'), b64(b"null"), b64(b"\xff\xfe"),
    b64(cbor2.dumps({"fmt": "none"})), b64(cbor2.dumps([])), b64(b"\x9f" * 900),
    b64(cbor2.dumps({"fmt": {}, "attStmt": 1, "authData": 1})), b64(b"\x81" * 3000),
    b64(cbor2.dumps({"fmt": "packed", "attStmt": {"x5c": [1], "sig": 1}, "authData": b"1" * 60})),
]  # fmt: skip


async def test_nonsense_anywhere_in_an_answer_is_refused_and_never_an_error(
    unlimited: Client, member: Person
) -> None:
    own, phone = unlimited.of(member), Authenticator()
    good = phone.create(await options_to_register(own))
    for path in paths_of(good)[1:]:
        if path[-1] in ("transports", "authenticatorAttachment", "clientExtensionResults"):
            continue  # What is not needed may be anything; see below.
        for nonsense in NASTY:
            status, answer = await register(own, put(good, path, nonsense))
            assert status in REFUSED, (path, nonsense, answer)
    for nonsense in NASTY:
        assert (await register(own, nonsense))[0] == 422
        assert (await register(own, good | {"clientExtensionResults": nonsense}))[0] in {
            201, 422, 409,
        }  # fmt: skip
    phone = await passkey_of(own)
    good = phone.get(await options_to_sign_in(unlimited))
    for path in paths_of(good)[1:]:
        if path[-1] in ("authenticatorAttachment", "clientExtensionResults"):
            continue
        for nonsense in NASTY:
            status, answer = await sign_in(unlimited, put(good, path, nonsense))
            assert status in REFUSED, (path, nonsense, answer)


Damage = Callable[[bytes], bytes]
DAMAGES = st.one_of(
    st.integers(0, 400).map(lambda length: lambda raw: raw[:length]),
    st.binary(max_size=80).map(lambda more: lambda raw: raw + more),
    st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)).map(
        lambda put_: lambda raw: raw[: put_[0]] + put_[1] + raw[put_[0] + len(put_[1]) :]
    ),
    st.binary(max_size=400).map(lambda instead: lambda raw: instead),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=DAMAGES)
async def test_damaged_attestations_are_refused(
    unlimited: Client, member: Person, damage: Damage
) -> None:
    own = unlimited.of(member)
    good = Authenticator().create(await options_to_register(own), attestation="packed")
    raw = unb64(good["response"]["attestationObject"])
    damaged = put(good, ("response", "attestationObject"), b64(damage(raw)))
    status, answer = await register(own, damaged)
    assert status in {201, 422}, answer
    if status == 201:  # What follows the end of a CBOR item is not looked at; the rest is signed.
        assert damage(raw).startswith(raw)
        await own.delete(f"/users/me/passkeys/{answer['id']}")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=DAMAGES, part=st.sampled_from(["authenticatorData", "signature", "userHandle"]))
async def test_damaged_signatures_are_refused(
    unlimited: Client, phone: Authenticator, damage: Damage, part: str
) -> None:
    good = phone.get(await options_to_sign_in(unlimited))
    raw = unb64(good["response"][part])
    damaged = put(good, ("response", part), b64(damage(raw)))
    status, answer = await sign_in(unlimited, damaged)
    assert status == 200 if damage(raw) == raw else status in REFUSED, answer
