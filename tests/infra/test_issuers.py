"""Bearer tokens of an external issuer: what it signed for this hall opens, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy import func, select

from guildhall.entrypoints.api import furnish
from guildhall.identity.models import AuditEntry, ExternalIdentity, User
from guildhall.identity.passwords import NOBODY
from guildhall.infra.hall import Hall
from guildhall.infra.issuers import Issuers, open_outbound
from guildhall.infra.issuers.jwks import Jwks
from guildhall.infra.settings import ExternalIssuer, SignInSettings
from guildhall.infra.tokens import Tokens
from tests.factories import Person
from tests.oidc_server.issuer import Issuer, new_key, running_issuer
from tests.world import Client, SettableClock

KEY, OTHER_KEY = new_key("first"), new_key("first")
NEXT_KEY = new_key("next")
ME = "/users/me"


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer(KEY) as running:
        yield running


@pytest_asyncio.fixture
async def attacker() -> AsyncIterator[Issuer]:
    async with running_issuer(OTHER_KEY) as running:
        yield running


@asynccontextmanager
async def trusting(hall: Hall, application: Any, **external: Any) -> AsyncIterator[Hall]:
    """Open the hall to tokens of an issuer."""
    settings = SignInSettings(external_issuers=(ExternalIssuer(**external),))
    async with open_outbound() as outbound:
        trusting_hall = replace(
            hall,
            settings=replace(hall.settings, sign_in=settings),
            issuers=Issuers(outbound, hall.redis, hall.clock, settings),
        )
        furnish(application, trusting_hall)
        yield trusting_hall


@pytest_asyncio.fixture
async def hall_of_issuer(
    client: Client, application: Any, committed: Hall, issuer: Issuer
) -> AsyncIterator[Hall]:
    async with trusting(
        committed,
        application,
        issuer=issuer.url,
        audience="guildhall",
        authorized_parties=["https://app.example"],
        algorithms=["RS256", "ES256", "EdDSA"],
    ) as hall:
        yield hall


@pytest.fixture
def claims(issuer: Issuer, clock: SettableClock) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    return {
        "iss": issuer.url,
        "sub": "user_1",
        "aud": ["other", "guildhall"],
        "azp": "https://app.example",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "preferred_username": "Ada",
    }


def unsigned(header: Mapping[str, Any] | str, claims: Mapping[str, Any] | str) -> str:
    """Write a token without its signature; a text is taken as it is."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(t.encode()).rstrip(b"=").decode() for t in texts)


def by_hmac(header: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes) -> str:
    written = unsigned(header, claims)
    digest = hmac.new(secret, written.encode(), hashlib.sha256).digest()
    return f"{written}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def by_rsa(header: Mapping[str, Any] | str, claims: Mapping[str, Any] | str, key: RSAKey) -> str:
    """Sign what no library would."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    written = unsigned(header, claims)
    signed = key.private_key.sign(written.encode(), PKCS1v15(), SHA256())
    return f"{written}.{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"


async def test_a_token_of_the_issuer_lets_in_and_the_second_finds_the_same_member(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any]
) -> None:
    first = await client.with_token(issuer.sign(claims)).get(ME)
    assert (first.status_code, first.json()["username"]) == (200, "Ada")
    second = await client.with_token(issuer.sign(claims | {"jti": "2"})).get(ME)
    assert second.json()["id"] == first.json()["id"]
    assert issuer.asked["/keys"] == 1


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256", {"kid": "ec"}), "ES256"),
        (OKPKey.generate_key("Ed25519", {"kid": "ed"}), "EdDSA"),
    ],
)
async def test_other_kinds_of_keys_are_as_good(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    claims: dict[str, Any],
    key: ECKey | OKPKey,
    algorithm: str,
) -> None:
    issuer.publish(key)
    token = issuer.sign(claims, {"alg": algorithm}, key)
    assert (await client.with_token(token).get(ME)).status_code == 200


PUBLIC_PEM = KEY.as_pem(private=False)

Forger = Callable[[Issuer, Issuer, dict[str, Any]], str]

HEADER = {"alg": "RS256", "kid": "first", "typ": "JWT"}
FORGERIES: dict[str, Forger] = {
    "alg none": lambda i, a, c: unsigned({"alg": "none"}, c) + ".",
    "alg None": lambda i, a, c: unsigned({"alg": "None", "kid": "first"}, c) + ".",
    "alg nOnE": lambda i, a, c: unsigned({"alg": "nOnE", "kid": "first"}, c) + ".",
    "no signature": lambda i, a, c: unsigned(HEADER, c) + ".",
    "no alg": lambda i, a, c: by_rsa({"kid": "first"}, c, KEY),
    "HS256 by the public key": lambda i, a, c: by_hmac(HEADER | {"alg": "HS256"}, c, PUBLIC_PEM),
    "HS256 by nothing": lambda i, a, c: by_hmac(HEADER | {"alg": "HS256"}, c, b""),
    "an algorithm not allowed": lambda i, a, c: i.sign(c, {"alg": "RS512"}),
    "RSA said to be EC": lambda i, a, c: by_rsa(HEADER | {"alg": "ES256"}, c, KEY),
    "another's key of that name": lambda i, a, c: i.sign(c, key=OTHER_KEY),
    "kid of a file": lambda i, a, c: i.sign(c, {"kid": "../../../dev/null"}, OTHER_KEY),
    "kid of SQL": lambda i, a, c: i.sign(c, {"kid": "x' UNION SELECT 'AA'--"}, OTHER_KEY),
    "kid no text": lambda i, a, c: by_rsa(HEADER | {"kid": ["first"]}, c, KEY),
    "kid NUL": lambda i, a, c: i.sign(c, {"kid": "first\0"}, OTHER_KEY),
    "jku": lambda i, a, c: i.sign(c, {"jku": f"{a.url}/keys"}, OTHER_KEY),
    "x5u": lambda i, a, c: i.sign(c, {"x5u": f"{a.url}/keys"}, OTHER_KEY),
    "jwk": lambda i, a, c: by_rsa(HEADER | {"jwk": OTHER_KEY.as_dict(private=False)}, c, OTHER_KEY),
    "iss of the attacker": lambda i, a, c: a.sign(c | {"iss": a.url}),
    "iss with a slash": lambda i, a, c: i.sign(c | {"iss": f"{i.url}/"}),
    "iss as a part": lambda i, a, c: i.sign(c | {"iss": f"{i.url}.attacker.example"}),
    "iss cut": lambda i, a, c: i.sign(c | {"iss": i.url[:-1]}),
    "iss a list": lambda i, a, c: i.sign(c | {"iss": [i.url]}),
    "no iss": lambda i, a, c: i.sign({k: v for k, v in c.items() if k != "iss"}),
    "aud of another": lambda i, a, c: i.sign(c | {"aud": "other"}),
    "aud as a part": lambda i, a, c: i.sign(c | {"aud": "guildhall-staging"}),
    "aud an object": lambda i, a, c: i.sign(c | {"aud": {"guildhall": 1}}),
    "no aud": lambda i, a, c: i.sign({k: v for k, v in c.items() if k != "aud"}),
    "azp of another": lambda i, a, c: i.sign(c | {"azp": "https://evil.example"}),
    "azp as a part": lambda i, a, c: i.sign(c | {"azp": "https://app.example.evil.example"}),
    "no azp": lambda i, a, c: i.sign({k: v for k, v in c.items() if k != "azp"}),
    "typ of a logout": lambda i, a, c: i.sign(c, {"typ": "logout+jwt"}),
    "typ no text": lambda i, a, c: by_rsa(HEADER | {"typ": 1}, c, KEY),
    "an ID token": lambda i, a, c: i.sign(c | {"nonce": "n"}),
    "an ID token by its hash": lambda i, a, c: i.sign(c | {"at_hash": "h"}),
    "expired": lambda i, a, c: i.sign(c | {"exp": c["iat"]}),
    "expired long ago": lambda i, a, c: i.sign(c | {"exp": 1}),
    "no exp": lambda i, a, c: i.sign({k: v for k, v in c.items() if k != "exp"}),
    "exp a text": lambda i, a, c: i.sign(c | {"exp": str(c["exp"])}),
    "exp true": lambda i, a, c: i.sign(c | {"exp": True}),
    "exp not a number": lambda i, a, c: by_rsa(HEADER, json.dumps(c | {"exp": float("nan")}), KEY),
    "exp without end": lambda i, a, c: by_rsa(
        HEADER, json.dumps(c | {"exp": 0}).replace('"exp": 0', '"exp": 1e999'), KEY
    ),
    "nbf in the future": lambda i, a, c: i.sign(c | {"nbf": c["iat"] + 61}),
    "iat in the future": lambda i, a, c: i.sign(c | {"iat": c["iat"] + 61}),
    "crit": lambda i, a, c: by_rsa(HEADER | {"crit": ["exp"], "exp": 1}, c, KEY),
    "crit b64": lambda i, a, c: by_rsa(HEADER | {"crit": ["b64"], "b64": True}, c, KEY),
    "a claim twice": lambda i, a, c: by_rsa(HEADER, json.dumps(c)[:-1] + ', "sub": "user_2"}', KEY),
    "a header twice": lambda i, a, c: by_rsa(
        '{"alg": "none", "alg": "RS256", "kid": "first"}', c, KEY
    ),
    "no sub": lambda i, a, c: i.sign({k: v for k, v in c.items() if k != "sub"}),
    "sub empty": lambda i, a, c: i.sign(c | {"sub": ""}),
    "sub too long": lambda i, a, c: i.sign(c | {"sub": "x" * 256}),
    "sub a number": lambda i, a, c: i.sign(c | {"sub": 1}),
    "sub NUL": lambda i, a, c: i.sign(c | {"sub": "user_1\0"}),
    "8 KB": lambda i, a, c: i.sign(c | {"x": "x" * 8192}),
    "1 MB": lambda i, a, c: i.sign(c | {"x": "x" * 90_000}) + "A" * 1_000_000,
    "claims a list": lambda i, a, c: by_rsa(HEADER, "[1]", KEY),
    "claims deep": lambda i, a, c: by_rsa(HEADER, "[" * 5000, KEY),
    "claims no JSON": lambda i, a, c: by_rsa(HEADER, "{", KEY),
    "five parts": lambda i, a, c: i.sign(c) + ".x.y",
    "one changed digit": lambda i, a, c: i.sign(c)[:-10] + "AAAAAAAAAA",
}


async def test_no_forgery_opens_and_nobody_is_asked_for_it(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    attacker: Issuer,
    claims: dict[str, Any],
) -> None:
    wrong = {}
    for name, forge in FORGERIES.items():
        answer = await client.with_token(forge(issuer, attacker, claims)).get(ME)
        if (answer.status_code, answer.json().get("error")) != (401, "token_invalid"):
            wrong[name] = (answer.status_code, answer.text[:200])
    assert wrong == {}
    assert attacker.asked.total() == 0
    assert issuer.asked["/keys"] <= 1
    assert (await client.with_token(issuer.sign(claims)).get(ME)).status_code == 200


async def test_the_halls_own_tokens_cannot_be_forged_either(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, member: Person
) -> None:
    tokens = Tokens(hall_of_issuer.endpoints.secret_key)
    whose = {"sub": str(member.id), "sid": str(member.member.session_id)}
    whole = {**whose, "iss": "guildhall", "typ": "access", "exp": 2**33}
    forged = [
        unsigned({"alg": "none"}, whole) + ".",
        unsigned({"alg": "nOnE"}, whole) + ".",
        by_hmac({"alg": "HS256"}, whole, b""),
        by_hmac({"alg": "HS256"}, whole, PUBLIC_PEM),
        by_rsa(HEADER, whole, KEY),
        issuer.sign(whole),
        tokens.sign("refresh", {**whose, "gen": 0, "exp": 2**33}),
        tokens.sign("second-factor", {**whose, "exp": 2**33}),
        tokens.sign("access", {**whose, "exp": 1}),
        tokens.sign("access", whose),
        tokens.sign("access", {**whole, "iss": "elsewhere"}),
        tokens.sign("access", {**whole, "iss": issuer.url}),
        member.token[:-4] + "AAAA",
    ]
    for token in forged:
        answer = await client.with_token(token).get(ME)
        assert (answer.status_code, answer.json()["error"]) == (401, "token_invalid"), token
    assert (await client.of(member).get(ME)).status_code == 200


async def test_a_thousand_unknown_keys_ask_the_issuer_once(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuers = hall_of_issuer.issuers
    tokens = [unsigned(HEADER | {"kid": f"k{n}"}, claims) + ".AAAA" for n in range(1000)]
    answers = await asyncio.gather(*map(issuers.read_access_token, tokens), return_exceptions=True)
    assert {type(answer).__name__ for answer in answers} == {"TokenRefused"}
    assert issuer.asked["/keys"] == 1


async def test_a_new_key_is_good_after_one_question_for_all_processes(
    hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any]
) -> None:
    here = hall_of_issuer.issuers
    async with open_outbound() as outbound:
        there = Issuers(
            outbound, hall_of_issuer.redis, hall_of_issuer.clock, hall_of_issuer.settings.sign_in
        )
        await asyncio.gather(
            *(side.read_access_token(issuer.sign(claims)) for side in (here, there) * 10)
        )
        assert issuer.asked["/keys"] == 1
        issuer.publish(KEY, NEXT_KEY)
        await _a_minute_passes(hall_of_issuer)
        await asyncio.gather(
            *(
                side.read_access_token(issuer.sign(claims, key=NEXT_KEY))
                for side in (here, there) * 10
            )
        )
        assert issuer.asked["/keys"] == 2


async def test_a_withdrawn_key_opens_no_more_though_its_tokens_were_seen(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    claims: dict[str, Any],
    clock: SettableClock,
) -> None:
    token = issuer.sign(claims | {"exp": claims["exp"] + 7200})
    assert (await client.with_token(token).get(ME)).status_code == 200
    issuer.publish(NEXT_KEY)
    clock.advance(hours=1, seconds=1)
    await _a_minute_passes(hall_of_issuer)
    assert (await client.with_token(token).get(ME)).status_code == 401


async def test_a_token_seen_before_ends_when_it_says(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    claims: dict[str, Any],
    clock: SettableClock,
) -> None:
    token = issuer.sign(claims)
    assert (await client.with_token(token).get(ME)).status_code == 200
    clock.advance(seconds=300)
    assert (await client.with_token(token).get(ME)).status_code == 401


BROKEN: dict[str, Any] = {
    "500": None,
    "HTML": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
    "too long": {"keys": [KEY.as_dict(private=False)], "x": "x" * 300_000},
    "no keys": {"keys": []},
    "no list": {"keys": {"0": KEY.as_dict(private=False)}},
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{",
    "no HTTP": b"\x00\x01\x02",
    "secret": {"keys": [OctKey.generate_key(256, {"kid": "first"}).as_dict()]},
    "private": {"keys": [KEY.as_dict(private=True)]},
    "weak": {"keys": [{"kty": "RSA", "kid": "first", "n": "AQAB", "e": "AQAB"}]},
    "for encryption": {"keys": [KEY.as_dict(private=False) | {"use": "enc"}]},
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_broken_keys_are_not_taken_and_those_before_stay(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    claims: dict[str, Any],
    clock: SettableClock,
    fault: str,
) -> None:
    token = issuer.sign(claims | {"exp": claims["exp"] + 200_000})
    good, issuer.pages["/keys"] = issuer.pages["/keys"], BROKEN[fault]
    assert (await client.with_token(token).get(ME)).status_code == 401
    issuer.pages["/keys"] = good
    await _a_minute_passes(hall_of_issuer)
    assert (await client.with_token(token).get(ME)).status_code == 200
    issuer.pages["/keys"] = BROKEN[fault]
    clock.advance(hours=23)
    await _a_minute_passes(hall_of_issuer)
    assert (await client.with_token(token).get(ME)).status_code == 200
    clock.advance(hours=1)
    await hall_of_issuer.redis.delete(*await hall_of_issuer.redis.keys("session:*"))
    assert (await client.with_token(token).get(ME)).status_code == 401
    assert issuer.asked["/keys"] == 3


async def test_an_issuer_that_never_answers_costs_one_wait_and_leads_nowhere(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuer.silent = True
    tokens = [issuer.sign(claims | {"jti": str(n)}) for n in range(10)]
    answers = await asyncio.gather(*(client.with_token(token).get(ME) for token in tokens))
    assert {answer.status_code for answer in answers} == {401}
    assert issuer.asked.total() == 1


@pytest.mark.parametrize("wrong", ["issuer", "jwks_uri"])
async def test_a_discovery_document_that_leads_astray_is_not_followed(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    attacker: Issuer,
    claims: dict[str, Any],
    wrong: str,
) -> None:
    elsewhere = f"{attacker.url.replace('127.0.0.1', '0.0.0.0')}/keys"  # Another name of here.
    issuer.metadata[wrong] = {"issuer": f"{issuer.url}/", "jwks_uri": elsewhere}[wrong]
    assert (await client.with_token(issuer.sign(claims)).get(ME)).status_code == 401
    assert (issuer.asked["/keys"], attacker.asked.total()) == (0, 0)


def test_of_a_key_set_only_public_keys_for_signatures_are_taken() -> None:
    listed = [
        OctKey.generate_key(256, {"kid": "oct"}).as_dict(),
        new_key("private").as_dict(private=True),
        new_key("enc").as_dict(private=False) | {"use": "enc"},
        new_key("signs").as_dict(private=False) | {"key_ops": ["sign"]},
        {"kty": "RSA", "kid": "broken", "n": 1, "e": []},
        "no key",
        KEY.as_dict(private=False),
    ]
    keys = Jwks.understood({"keys": listed})
    named = ("oct", "private", "enc", "signs", "broken", "first")
    assert [kid for kid in named if keys.key_for(kid, "RS256")] == ["first"]
    assert keys.key_for("first", "ES256") is None


async def test_twenty_first_sights_at_once_make_one_member(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any]
) -> None:
    tokens = [issuer.sign(claims | {"jti": str(n)}) for n in range(20)]
    answers = await asyncio.gather(*(client.with_token(token).get(ME) for token in tokens))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    async with hall_of_issuer.units.read() as uow:
        for table in (User, ExternalIdentity):
            assert await uow.session.scalar(select(func.count()).select_from(table)) == 1
        registered = select(func.count()).where(AuditEntry.action == "user_registered")
        assert await uow.session.scalar(registered) == 1


async def test_names_that_are_taken_or_unfit_become_others(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any], member: Person
) -> None:
    wanted = [
        member.username.upper(),
        "x",
        "",
        None,
        7,
        "a" * 300,
        "ada@example.org",
        "\0\n",
        "<b>",
    ]
    names = set()
    for number, name in enumerate(wanted):
        token = issuer.sign(claims | {"sub": f"s{number}", "preferred_username": name})
        answer = await client.with_token(token).get(ME)
        assert answer.status_code == 200, answer.text
        names.add(answer.json()["username"].casefold())
    assert len(names) == len(wanted)
    assert member.username.casefold() not in names
    assert "ada-example.org" in names


@pytest.mark.parametrize("claimed_verified", [True, False, "true", 1])
async def test_an_address_never_makes_somebody_another_member(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    claims: dict[str, Any],
    member: Person,
    claimed_verified: object,
) -> None:
    async with hall_of_issuer.units.write() as uow:
        owner = await uow.session.get_one(User, member.id)
        owner.email_verified_at = uow.now
        address = owner.email
    for number, email in enumerate((address, address.upper(), "new@example.org", "no address")):
        mail = {"sub": f"s{number}", "email": email, "email_verified": claimed_verified}
        answer = await client.with_token(issuer.sign(claims | mail)).get(ME)
        assert answer.status_code == 200
        assert answer.json()["id"] != str(member.id)
        free = email == "new@example.org" and claimed_verified is True
        assert answer.json()["email_verified"] is free


async def test_a_suspended_member_is_refused_at_once_and_let_in_at_once_afterwards(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any], admin: Person
) -> None:
    theirs = client.with_token(issuer.sign(claims))
    user_id = (await theirs.get(ME)).json()["id"]
    address = f"/admin/users/{user_id}"
    for status, expected in (("suspended", 401), ("active", 200)):
        changed = await client.of(admin).patch(address, json={"status": status})
        assert changed.status_code == 200, changed.text
        assert (await theirs.get(ME)).status_code == expected
    await client.of(admin).patch(address, json={"status": "suspended"})
    await hall_of_issuer.redis.flushdb()
    assert (await theirs.get(ME)).status_code == 401


async def test_a_role_that_changes_holds_at_once(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any], admin: Person
) -> None:
    theirs = client.with_token(issuer.sign(claims))
    user_id = (await theirs.get(ME)).json()["id"]
    assert (await theirs.get("/admin/users")).status_code == 403
    await client.of(admin).patch(f"/admin/users/{user_id}", json={"role": "admin"})
    assert (await theirs.get("/admin/users")).status_code == 200


@pytest.mark.parametrize(
    ("seen_ago", "made_ago", "expected"),
    [(60, 0, 202), (None, 0, 403), (3600, 0, 403), (60, 3600, 202), ("now", 0, 403)],
)
async def test_whom_the_issuer_saw_just_now_may_take_their_data_and_leave(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    claims: dict[str, Any],
    seen_ago: int | str | None,
    made_ago: int,
    expected: int,
) -> None:
    now = claims["iat"]
    claims |= {"iat": now - made_ago, "nbf": now - made_ago}
    if seen_ago is not None:
        claims["auth_time"] = now - seen_ago if isinstance(seen_ago, int) else seen_ago
    theirs = client.with_token(issuer.sign(claims))
    answers = [await theirs.post("/users/me/export"), await theirs.delete("/users/me")]
    assert [answer.status_code for answer in answers] == [expected, expected]
    if expected == 403:
        assert answers[0].json()["error"] == "reauthentication_required"


async def test_a_token_of_an_issuer_changes_no_credentials_and_no_role_however_fresh_it_is(
    client: Client,
    hall_of_issuer: Hall,
    issuer: Issuer,
    claims: dict[str, Any],
    admin: Person,
    member: Person,
) -> None:
    """Not even an admin's: neither strength nor recentness is taken from elsewhere."""
    fresh = claims | {"auth_time": claims["iat"], "amr": ["hwk", "user"], "acr": "aal3"}
    theirs = client.with_token(issuer.sign(fresh))
    user_id = (await theirs.get(ME)).json()["id"]
    await client.of(admin).patch(f"/admin/users/{user_id}", json={"role": "admin"})
    sensitive: list[tuple[str, str, dict[str, Any] | None]] = [
        ("POST", "/users/me/api-keys", {"name": "program", "scopes": ["identity:read"]}),
        ("POST", "/users/me/totp", None),
        ("POST", "/users/me/passkeys/options", None),
        ("POST", "/users/me/password", {"new_password": "analytical engine"}),
        ("PATCH", "/users/me", {"email": "elsewhere@example.org"}),
        ("PATCH", f"/admin/users/{member.id}", {"role": "admin"}),
        ("POST", f"/admin/users/{member.id}/end-sessions", None),
        ("DELETE", f"/admin/users/{member.id}/second-factor", None),
    ]
    for method, path, body in sensitive:
        answer = await theirs.request(method, path, json=body)
        refusal = answer.status_code, answer.json()["error"]
        assert refusal == (403, "reauthentication_required"), (path, answer.text)
    assert (await theirs.get(f"/admin/users/{member.id}")).json()["role"] == "member"


async def test_who_can_sign_in_here_has_to_for_what_a_recent_proof_is_asked_for(
    client: Client, hall_of_issuer: Hall, issuer: Issuer, claims: dict[str, Any]
) -> None:
    theirs = client.with_token(issuer.sign(claims | {"auth_time": claims["iat"]}))
    user_id = (await theirs.get(ME)).json()["id"]
    async with hall_of_issuer.units.write() as uow:
        (await uow.session.get_one(User, user_id)).password_hash = NOBODY
    for answer in (await theirs.post("/users/me/export"), await theirs.delete("/users/me")):
        assert (answer.status_code, answer.json()["error"]) == (403, "reauthentication_required")


async def test_a_hall_without_issuers_takes_none_of_their_tokens(
    client: Client, issuer: Issuer, claims: dict[str, Any]
) -> None:
    assert (await client.with_token(issuer.sign(claims)).get(ME)).status_code == 401
    assert issuer.asked.total() == 0


async def test_a_set_type_is_asked_for_exactly(
    client: Client, application: Any, committed: Hall, issuer: Issuer, claims: dict[str, Any]
) -> None:
    async with trusting(
        committed, application, issuer=issuer.url, audience="guildhall", token_type="at+jwt"
    ):
        for typ, expected in (("at+jwt", 200), ("JWT", 401), (None, 401), ("at+jwtx", 401)):
            answer = await client.with_token(issuer.sign(claims, {"typ": typ})).get(ME)
            assert answer.status_code == expected, typ


async def _a_minute_passes(hall: Hall) -> None:
    """Let the issuer be asked again: what Redis counts down, no clock of the tests moves."""
    await hall.redis.delete(*await hall.redis.keys("issuer:asked:*"))
