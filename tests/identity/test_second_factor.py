"""The second factor: asked for once it is confirmed, taken once, and not to be guessed at."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import pyotp
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from guildhall.entrypoints.api import create_app, furnish
from guildhall.entrypoints.wiring import WIRING
from guildhall.identity.codes import WRONG_CODES
from guildhall.identity.logins import SECOND_FACTOR_TOKEN
from guildhall.identity.models import TOTP_SECRET, AuditEntry, RecoveryCode, TotpSecret, User
from guildhall.identity.repository import living_sessions
from guildhall.identity.schemas import Transport
from guildhall.identity.sessions import open_session
from guildhall.identity.wording import PROOFS_CHANGED
from guildhall.infra.hall import Hall, open_redis
from guildhall.infra.sealing import Sealer, reseal
from guildhall.infra.settings import ApiSettings, HallSettings, SecuritySettings
from guildhall.infra.tokens import Tokens
from guildhall.kernel.client import RequestClient
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import Person
from tests.identity.authenticator import Authenticator
from tests.identity.waiting import until_it_waits
from tests.world import Client, SettableClock

PASSWORD = "analytical engine at noon"
ADA = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
LOGIN = {"login": "ada", "password": PASSWORD}


class Ada:
    """A member with an authenticator app, signed in where she enrolled it."""

    def __init__(self, client: Client, clock: SettableClock, secret: str, codes: list[str]) -> None:
        self.client, self.clock = client, clock
        self.app, self.recovery_codes = pyotp.TOTP(secret), codes

    def code(self, steps: int = 0) -> str:
        return self.app.at(self.clock.now(), counter_offset=steps)

    def next_code(self) -> str:
        """Wait until the app shows another code."""
        self.clock.advance(seconds=30)
        return self.code()

    def wrong_code(self) -> str:
        near = {self.code(steps) for steps in range(-2, 3)}
        return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555")
                    if code not in near)  # fmt: skip


@pytest.fixture
async def ada(client: Client, clock: SettableClock) -> Ada:
    await client.post("/auth/register", json=ADA)
    token = (await client.post("/auth/login", json=LOGIN)).json()["access_token"]
    own = client.with_token(token)
    begun = await own.post("/users/me/totp")
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    code = pyotp.TOTP(secret).at(clock.now())
    confirmed = await own.post("/users/me/totp/confirm", json={"code": code})
    assert confirmed.status_code == 200, confirmed.text
    clock.advance(seconds=60)
    return Ada(own, clock, secret, confirmed.json()["recovery_codes"])


async def half_way(client: Client, **body: Any) -> str:
    """Sign in with the password; give the token to go on with."""
    answer = await client.post("/auth/login", json=LOGIN | body)
    assert (answer.status_code, answer.json()["error"]) == (401, "second_factor_required")
    token: str = answer.json()["second_factor_token"]
    return token


async def show(client: Client, token: str | None, **proof: Any) -> tuple[int, Any]:
    body = proof if token is None else {"second_factor_token": token} | proof
    answer = await client.post(
        "/auth/second-factor",
        content=json.dumps(body),  # Which can say half a surrogate.
        headers={"content-type": "application/json"},
    )
    return answer.status_code, answer.json()


async def acts(hall: Hall) -> Counter[str]:
    async with hall.units.read() as uow:
        return Counter((await uow.session.scalars(select(AuditEntry.action))).all())


async def test_a_secret_is_shown_as_an_app_wants_it_and_kept_sealed(
    client: Client, committed: Hall, member: Person
) -> None:
    shown = (await client.of(member).post("/users/me/totp")).json()
    uri = urlsplit(shown["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query)["secret"] == [shown["secret"]]
    assert uri.path == f"/Guildhall:{member.username}"
    async with committed.units.read() as uow:
        kept = (await uow.session.scalars(select(TotpSecret))).one()
    assert shown["secret"].encode() not in kept.sealed
    opened = committed.sealer.open(kept.sealed, TOTP_SECRET.place(member.id))
    assert opened.decode() == shown["secret"]


async def test_an_unconfirmed_secret_is_asked_for_by_nobody_and_can_be_replaced(
    client: Client, committed: Hall, clock: SettableClock
) -> None:
    await client.post("/auth/register", json=ADA)
    own = client.with_token((await client.post("/auth/login", json=LOGIN)).json()["access_token"])
    assert (await own.post("/users/me/totp/confirm", json={"code": "123456"})).json()[
        "error"
    ] == "totp_not_started"
    old = (await own.post("/users/me/totp")).json()["secret"]
    new = (await own.post("/users/me/totp")).json()["secret"]
    assert old != new
    assert (await client.post("/auth/login", json=LOGIN)).status_code == 200
    with_old = {"code": pyotp.TOTP(old).at(clock.now())}
    answer = await own.post("/users/me/totp/confirm", json=with_old)
    assert (answer.status_code, answer.json()["error"]) == (401, "second_factor_wrong")
    assert (await client.post("/auth/login", json=LOGIN)).status_code == 200
    with_new = {"code": pyotp.TOTP(new).at(clock.now())}
    assert (await own.post("/users/me/totp/confirm", json=with_new)).status_code == 200
    await half_way(client)


async def test_a_confirmation_gives_codes_once_and_ends_all_other_sessions(
    client: Client, committed: Hall, clock: SettableClock
) -> None:
    await client.post("/auth/register", json=ADA)
    tokens = [
        (await client.post("/auth/login", json=LOGIN)).json()["access_token"] for _ in range(2)
    ]
    own, elsewhere = map(client.with_token, tokens)
    secret = (await own.post("/users/me/totp")).json()["secret"]
    body = {"code": pyotp.TOTP(secret).at(clock.now())}
    answers = await asyncio.gather(
        *(own.post("/users/me/totp/confirm", json=body) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    codes = next(a.json()["recovery_codes"] for a in answers if a.status_code == 200)
    assert len(set(codes)) == 10
    assert {len(code.replace("-", "")) for code in codes} == {24}  # Of five bits each.
    assert (await own.get("/users/me")).status_code == 200
    assert (await elsewhere.get("/users/me")).status_code == 401
    assert (await own.get("/users/me/second-factor")).json() == {
        "password": True, "totp": True, "recovery_codes_left": 10, "passkeys": 0,
    }  # fmt: skip
    assert (await acts(committed))["totp_confirmed"] == 1
    async with committed.units.read() as uow:
        kept = (await uow.session.scalars(select(RecoveryCode.code_hash))).all()
    assert {len(each) for each in kept} == {32}
    assert (await own.post("/users/me/totp")).json()["error"] == "totp_confirmed"


async def test_a_confirmation_ends_a_session_that_is_just_being_opened(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    own = client.of(member)
    secret = (await own.post("/users/me/totp")).json()["secret"]
    body = {"code": pyotp.TOTP(secret).at(clock.now())}
    async with committed.units.write(member=member.id) as uow:
        await uow.session.get(User, member.id, with_for_update={"key_share": True})
        opened = await open_session(
            uow,
            member.id,
            "pad",
            RequestClient("10.0.0.9", ""),
            transport=Transport.BEARER,
            second_factor=False,
            method="password",
            settings=committed.settings.security,
        )
        await uow.session.flush()
        confirming = asyncio.create_task(own.post("/users/me/totp/confirm", json=body))
        await until_it_waits(committed, confirming)
    assert (await confirming).status_code == 200
    async with committed.units.read() as uow:
        alive = await living_sessions(uow, member.id)
    assert opened.id not in alive
    assert alive == [member.member.session_id]


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_a_code_of_this_step_or_its_neighbours_opens_a_session(
    client: Client, ada: Ada, steps: int
) -> None:
    status, tokens = await show(client, await half_way(client, device="pad"), code=ada.code(steps))
    assert status == 200
    sessions = await client.with_token(tokens["access_token"]).get("/users/me/sessions")
    [current] = [each for each in sessions.json()["items"] if each["current"]]
    assert (current["second_factor"], current["device"]) == (True, "pad")


@pytest.mark.parametrize("steps", [-2, 2])
async def test_a_code_further_away_opens_nothing(client: Client, ada: Ada, steps: int) -> None:
    ada.clock.advance(minutes=3)  # Past the step that the confirmation has used up.
    status, answer = await show(client, await half_way(client), code=ada.code(steps))
    assert (status, answer["error"]) == (401, "second_factor_wrong")


async def test_a_code_is_good_once_even_of_twenty_at_once(client: Client, ada: Ada) -> None:
    tokens = [await half_way(client) for _ in range(20)]
    answers = await asyncio.gather(*(show(client, token, code=ada.code()) for token in tokens))
    assert [status for status, _ in answers].count(200) == 1
    assert {answer["error"] for status, answer in answers if status != 200} <= {
        "second_factor_wrong", "second_factor_throttled",
    }  # fmt: skip


async def test_a_code_is_not_good_again_nor_is_one_before_it(client: Client, ada: Ada) -> None:
    code, before = ada.code(), ada.code(-1)
    assert (await show(client, await half_way(client), code=code))[0] == 200
    for old in (code, before):
        status, answer = await show(client, await half_way(client), code=old)
        assert (status, answer["error"]) == (401, "second_factor_wrong")
    assert (await show(client, await half_way(client), code=ada.next_code()))[0] == 200


async def test_a_recovery_code_is_good_once_even_of_twenty_at_once(
    client: Client, committed: Hall, ada: Ada
) -> None:
    tokens = [await half_way(client) for _ in range(20)]
    code = ada.recovery_codes[0].lower().replace("-", " ")
    answers = await asyncio.gather(*(show(client, token, recovery_code=code) for token in tokens))
    assert Counter(status for status, _ in answers) == {200: 1, 401: 19}
    left = (await ada.client.get("/users/me/second-factor")).json()["recovery_codes_left"]
    assert left == 9
    recorded = await acts(committed)
    assert (recorded["recovery_code_used"], recorded["second_factor_failed"]) == (1, 19)


async def test_the_token_is_good_once_and_for_five_minutes(client: Client, ada: Ada) -> None:
    token, late = await half_way(client), await half_way(client)
    assert (await show(client, token, code=ada.code()))[0] == 200
    code = ada.next_code()
    status, answer = await show(client, token, code=code)
    assert (status, answer["error"]) == (401, "second_factor_token_invalid")
    assert (await show(client, await half_way(client), code=code))[0] == 200  # It was not used up.
    ada.clock.advance(minutes=5)
    assert (await show(client, late, code=ada.code()))[1]["error"] == "second_factor_token_invalid"


async def test_a_token_of_another_type_or_key_or_account_goes_nowhere(
    client: Client, committed: Hall, ada: Ada
) -> None:
    signed_in = (await show(client, await half_way(client), code=ada.code()))[1]
    claims = {
        "sub": str(new_id()), "jti": "1", "device": "x", "transport": "bearer",
        "method": "password", "exp": 1 << 33,
    }  # fmt: skip
    own = Tokens(committed.endpoints.secret_key)
    for token in (
        signed_in["access_token"],
        signed_in["refresh_token"],
        Tokens("another key of at least 32 characters").sign(SECOND_FACTOR_TOKEN, claims),
        "x",
        "é.b.c",
    ):
        status, answer = await show(client, token, code=ada.next_code())
        assert (status, answer["error"]) == (401, "second_factor_token_invalid"), token
    nobodys = own.sign(SECOND_FACTOR_TOKEN, claims)
    status, answer = await show(client, nobodys, code=ada.next_code())
    assert (status, answer["error"]) == (401, "second_factor_wrong")
    status, answer = await show(client, nobodys, recovery_code=ada.recovery_codes[0])
    assert (status, answer["error"]) == (401, "second_factor_wrong")


async def test_a_code_of_an_app_that_was_not_confirmed_is_none(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    secret = (await client.of(member).post("/users/me/totp")).json()["secret"]
    token = Tokens(committed.endpoints.secret_key).sign(
        SECOND_FACTOR_TOKEN,
        {
            "sub": str(member.id), "jti": "1", "device": "x", "transport": "bearer",
            "method": "password", "exp": 1 << 33,
        },
    )  # fmt: skip
    status, answer = await show(client, token, code=pyotp.TOTP(secret).at(clock.now()))
    assert (status, answer["error"]) == (401, "second_factor_wrong")


async def test_the_token_opens_no_other_door(client: Client, ada: Ada) -> None:
    token = await half_way(client)
    assert (await client.with_token(token).get("/users/me")).status_code == 401
    refreshed = await client.post("/auth/refresh", json={"refresh_token": token})
    assert refreshed.status_code == 401


async def test_wrong_codes_have_to_wait_but_a_recovery_code_does_not(
    client: Client, committed: Hall, ada: Ada
) -> None:
    token = await half_way(client)
    for _ in range(WRONG_CODES):
        assert (await show(client, token, code=ada.wrong_code()))[0] == 401
    answer = await client.post(
        "/auth/second-factor", json={"second_factor_token": token, "code": ada.code()}
    )
    assert (answer.status_code, answer.json()["error"]) == (429, "second_factor_throttled")
    assert int(answer.headers["retry-after"]) > 0
    # From another address and another sign-in it is the same account.
    elsewhere = client.at("10.0.0.9")
    assert (await show(elsewhere, await half_way(elsewhere), code=ada.code()))[0] == 429
    assert (await show(client, token, recovery_code=ada.recovery_codes[1]))[0] == 200
    assert (await acts(committed))["second_factor_failed"] == WRONG_CODES


async def test_of_many_wrong_codes_at_once_no_more_get_through_than_one_by_one(
    client: Client, ada: Ada
) -> None:
    token = await half_way(client)
    answers = await asyncio.gather(*(show(client, token, code=ada.wrong_code()) for _ in range(20)))
    assert Counter(status for status, _ in answers) == {401: WRONG_CODES, 429: 20 - WRONG_CODES}


async def test_a_right_code_forgives_the_wrong_ones_before_it(client: Client, ada: Ada) -> None:
    for _ in range(2):
        token = await half_way(client)
        for _ in range(WRONG_CODES - 1):
            assert (await show(client, token, code=ada.wrong_code()))[0] == 401
        assert (await show(client, token, code=ada.next_code()))[0] == 200


async def test_while_redis_is_away_no_code_is_taken_but_a_recovery_code_is(
    client: Client, committed: Hall, ada: Ada, application: Any
) -> None:
    token = await half_way(client)
    async with open_redis("redis://127.0.0.1:1/0") as nowhere:
        furnish(application, replace(committed, redis=nowhere))
        status, answer = await show(client, token, code=ada.code())
        assert (status, answer["error"]) == (503, "second_factor_unavailable")
        assert (await show(client, token, recovery_code=ada.recovery_codes[0]))[0] == 200
        assert (await show(client, token, recovery_code=ada.recovery_codes[0]))[0] == 401


NASTY: list[dict[str, Any]] = [
    {},
    {"code": "123456", "recovery_code": "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA"},
    {"code": 123456},
    {"code": ["1", "2", "3", "4", "5", "6"]},
    {"code": "12345"},
    {"code": "1234567"},
    {"code": "١٢٣٤٥٦"},
    {"code": "12345\x00"},
    {"code": "\ud800"},
    {"code": "1" * 100_000},
    {"code": None, "recovery_code": None},
    {"recovery_code": "A" * 100_000},
    {"recovery_code": "AAAA-AAAA-AAAA-AAAA-AAAA-AAA\x00"},
    {"recovery_code": {}},
    {"code": "123456", "extra": 1},
]


@pytest.mark.parametrize("proof", NASTY)
async def test_what_is_no_code_is_refused_before_it_counts(
    client: Client, proof: dict[str, Any]
) -> None:
    assert (await show(client, "x", **proof))[0] == 422


@pytest.mark.parametrize("token", [1, "", "x" * 5000, {}, ["x"], "\x00"])
async def test_what_is_no_token_is_refused(client: Client, token: Any) -> None:
    answer = await client.post(
        "/auth/second-factor", json={"second_factor_token": token, "code": "123456"}
    )
    assert answer.status_code in (401, 422)


async def test_a_browser_gets_cookies_and_only_from_the_halls_own_page(
    client: Client, ada: Ada
) -> None:
    own_page = {"sec-fetch-site": "same-origin"}
    foreign = {"sec-fetch-site": "cross-site"}
    login = await client.post("/auth/login", json=LOGIN | {"transport": "cookie"}, headers=own_page)
    token = login.json()["second_factor_token"]
    body = {"second_factor_token": token, "code": ada.code()}
    refused = await client.post("/auth/second-factor", json=body, headers=foreign)
    assert (refused.status_code, refused.json()["error"]) == (403, "cross_site_request")
    let_in = await client.post("/auth/second-factor", json=body, headers=own_page)
    assert let_in.status_code == 200
    assert let_in.json()["token_type"] == "cookie"
    assert "__Host-guildhall" in let_in.cookies


async def test_the_token_may_come_in_a_cookie_from_the_halls_own_page(
    client: Client, ada: Ada
) -> None:
    cookie = f"__Host-guildhall-second-factor={await half_way(client)}"
    body = {"code": ada.code()}
    for headers in ({"sec-fetch-site": "cross-site"}, {}):
        refused = await client.post(
            "/auth/second-factor", json=body, headers={"cookie": cookie, **headers}
        )
        assert (refused.status_code, refused.json()["error"]) == (403, "cross_site_request")
    let_in = await client.post(
        "/auth/second-factor",
        json=body,
        headers={"cookie": cookie, "sec-fetch-site": "same-origin"},
    )
    assert let_in.status_code == 200
    forgotten = [each for each in let_in.headers.get_list("set-cookie") if "second-factor=" in each]
    assert len(forgotten) == 1
    assert "Max-Age=0" in forgotten[0]
    assert (await show(client, None, code=ada.next_code()))[1]["error"] == (
        "second_factor_token_invalid"
    )


async def test_a_code_is_taken_after_the_keys_were_rotated(
    client: Client, committed: Hall, application: Any, ada: Ada
) -> None:
    secret, newest = committed.endpoints.secret_key, base64.b64encode(os.urandom(32)).decode()
    keys = SecuritySettings(encryption_keys=(SecretStr(f"new:{newest}"),))
    both, new = Sealer.of(keys, secret), Sealer.of(keys, "another-secret-key-9876543210-kjihgfe")
    assert TOTP_SECRET in WIRING.sealed
    assert await reseal(committed.units, both, WIRING.sealed) == 1
    furnish(application, replace(committed, sealer=new))
    assert (await show(client, await half_way(client), code=ada.code()))[0] == 200


async def test_who_was_suspended_meanwhile_does_not_come_in(
    client: Client, owner: asyncpg.Connection, ada: Ada
) -> None:
    token = await half_way(client)
    await owner.execute("UPDATE users SET status = 'suspended'")
    status, answer = await show(client, token, code=ada.code())
    assert (status, answer["error"]) == (403, "account_suspended")


async def test_what_guards_the_second_factor_is_the_second_factor(
    client: Client, committed: Hall, ada: Ada
) -> None:
    """The session that enrolled the app showed a password only."""
    for method, path in (
        ("DELETE", "/users/me/totp"),
        ("POST", "/users/me/recovery-codes"),
        ("POST", "/users/me/passkeys/options"),
    ):
        refused = await ada.client.request(method, path)
        assert (refused.status_code, refused.json()["error"]) == (
            403, "reauthentication_required",
        ), path  # fmt: skip
    tokens = (await show(client, await half_way(client), code=ada.code()))[1]
    proven = client.with_token(tokens["access_token"])
    fresh = await proven.post("/users/me/recovery-codes")
    assert fresh.status_code == 201
    new = fresh.json()["recovery_codes"]
    assert not set(new) & set(ada.recovery_codes)
    token = await half_way(client)
    assert (await show(client, token, recovery_code=ada.recovery_codes[0]))[0] == 401
    assert (await show(client, token, recovery_code=new[0]))[0] == 200
    assert (await proven.delete("/users/me/totp")).status_code == 204
    assert (await proven.delete("/users/me/totp")).json()["error"] == "totp_not_found"
    assert (await proven.post("/users/me/recovery-codes")).json()["error"] == "totp_not_found"
    assert (await proven.get("/users/me/second-factor")).json() == {
        "password": True, "totp": False, "recovery_codes_left": 0, "passkeys": 0,
    }  # fmt: skip
    assert (await client.post("/auth/login", json=LOGIN)).status_code == 200
    recorded = await acts(committed)
    assert recorded["totp_removed"] == recorded["recovery_codes_replaced"] == 1


async def test_each_change_is_told_by_mail(
    client: Client,
    committed: Hall,
    admin: Person,
    ada: Ada,
    settle: Callable[[], Awaitable[None]],
) -> None:
    folder = committed.settings.hall.data_dir / "mail"
    for kept in folder.glob("*.eml"):
        kept.unlink()
    used = {"recovery_code": ada.recovery_codes[0]}
    tokens = (await show(client, await half_way(client), **used))[1]
    own = client.with_token(tokens["access_token"])
    await own.post("/users/me/recovery-codes")
    await own.post("/users/me/api-keys", json={"name": "program", "scopes": ["identity:read"]})
    options = (await own.post("/users/me/passkeys/options")).json()["options"]
    body = {"name": "phone", "credential": Authenticator().create(options)}
    made = (await own.post("/users/me/passkeys", json=body)).json()
    await own.delete(f"/users/me/passkeys/{made['id']}")
    await own.delete("/users/me/totp")
    who = (await own.get("/users/me")).json()["id"]
    await client.of(admin).delete(f"/admin/users/{who}/second-factor")
    await settle()
    letters = [
        message_from_bytes(kept.read_bytes(), policy=default) for kept in folder.glob("*.eml")
    ]
    told = " ".join(letter.get_content() for letter in letters if letter["to"] == "ada@example.org")
    untold = [act for act, sentence in PROOFS_CHANGED.items() if told.count(sentence) != 1]
    assert untold == ["identity_linked"]  # See `test_oidc.py`, which has a provider.
    assert ada.recovery_codes[0] not in told


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/users/me/totp"),
        ("DELETE", "/users/me/totp"),
        ("POST", "/users/me/recovery-codes"),
    ],
)
async def test_changes_to_it_need_a_recent_sign_in(
    client: Client, clock: SettableClock, member: Person, method: str, path: str
) -> None:
    clock.advance(minutes=11)
    answer = await client.of(member).request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (403, "reauthentication_required")


async def test_an_admin_lets_a_locked_out_member_in_again(
    client: Client, committed: Hall, admin: Person, ada: Ada
) -> None:
    who = (await ada.client.get("/users/me")).json()["id"]
    operator = client.of(admin)
    assert (await operator.delete(f"/admin/users/{new_id()}/second-factor")).status_code == 404
    removed = await operator.delete(f"/admin/users/{who}/second-factor")
    assert removed.status_code == 204
    assert (await ada.client.get("/users/me")).status_code == 401
    assert (await client.post("/auth/login", json=LOGIN)).status_code == 200
    async with committed.units.read() as uow:
        entry = (
            await uow.session.scalars(
                select(AuditEntry).where(AuditEntry.action == "second_factor_removed")
            )
        ).one()
    assert (entry.actor_id, entry.target_id) == (admin.id, UUID(who))


async def test_in_production_an_admin_comes_in_with_the_second_factor_only(
    client: Client, committed: Hall, clock: SettableClock, owner: asyncpg.Connection
) -> None:
    settings = replace(
        committed.settings,
        hall=HallSettings(hall_mode="production", data_dir=committed.settings.hall.data_dir),
        api=ApiSettings(public_url="https://hall.example.org", trusted_hosts=("*",)),
    )
    app: Any = create_app(settings)
    furnish(app, replace(committed, settings=settings))
    async with Client(app) as guest:
        assert (await guest.post("/auth/register", json=ADA)).status_code == 201
        await owner.execute("UPDATE users SET role = 'admin'")
        first = (await guest.post("/auth/login", json=LOGIN)).json()["access_token"]
        own = guest.with_token(first)
        refused = await own.get("/admin/users")
        assert (refused.status_code, refused.json()["error"]) == (403, "second_factor_missing")
        secret = (await own.post("/users/me/totp")).json()["secret"]
        app_codes = pyotp.TOTP(secret)
        confirmed = await own.post(
            "/users/me/totp/confirm", json={"code": app_codes.at(clock.now())}
        )
        assert confirmed.status_code == 200
        assert (await own.get("/admin/users")).json()["error"] == "second_factor_missing"
        clock.advance(seconds=30)
        status, tokens = await show(guest, await half_way(guest), code=app_codes.at(clock.now()))
        assert status == 200
        proven = guest.with_token(tokens["access_token"])
        assert (await proven.get("/admin/users")).status_code == 200


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
async def test_only_admins_remove_anothers_second_factor(
    client: Client, committed: Hall, role: Role, ada: Ada
) -> None:
    who = (await ada.client.get("/users/me")).json()["id"]
    other = client.of(await factories.person(committed, role=role))
    assert (await other.delete(f"/admin/users/{who}/second-factor")).status_code == 403
    await half_way(client)


async def test_whoever_runs_the_hall_lets_its_only_admin_in_again(
    client: Client, committed: Hall, application: Any, owner: asyncpg.Connection, ada: Ada
) -> None:
    await owner.execute("UPDATE users SET role = 'admin'")
    secret = "the-operators-own-0123456789-abcdefghi"
    security = SecuritySettings(admin_secret_key=SecretStr(secret))
    settings = replace(committed.settings, security=security)
    furnish(application, replace(committed, settings=settings))
    by_script = {"X-Admin-Secret-Key": secret}
    found = (await client.get("/admin/users?search=ada", headers=by_script)).json()["items"]
    path = f"/admin/users/{found[0]['id']}/second-factor"
    assert (await client.delete(path, headers=by_script)).status_code == 204
    assert (await client.post("/auth/login", json=LOGIN)).status_code == 200
