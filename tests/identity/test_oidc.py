"""Signing in with a provider: an independent server for what is right, and one of our own, which
does as it is told, for what no honest server sends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import asyncpg
import httpx
import orjson
import pyotp
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import func, select

from guildhall.entrypoints.api import furnish
from guildhall.identity.models import TOTP_SECRET, ActiveSession, AuditEntry, TotpSecret, User
from guildhall.identity.oidc import PENDING_PLACE
from guildhall.identity.wording import PROOFS_CHANGED
from guildhall.infra.hall import Hall
from guildhall.infra.issuers import Issuers, open_outbound
from guildhall.infra.settings import ExternalIssuer, OidcProvider, SignInSettings
from tests.factories import Person
from tests.identity.mailbox import Mailbox, deliver
from tests.oidc_server import Browser, OidcServer, RegisteredClient, running_oidc_server
from tests.oidc_server.issuer import Issuer, new_key, running_issuer
from tests.world import Client, SettableClock

PEOPLE = {
    "ada": {"family-name": "Lovelace", "emails": "ada@example.org", "display-name": "Ada L."},
    "bob": {"family-name": "Builder", "emails": "bob@example.org", "display-name": "bob"},
}
KEY, OTHER_KEY = new_key("first"), new_key("first")
PENDING = "__Host-guildhall-oidc"
CLIENT_ID, CLIENT_SECRET = "hall", "a secret: with/signs"
ORIGIN = "http://localhost:8000"
ME = "/users/me"


@pytest_asyncio.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OidcServer]:
    folder: Path = tmp_path_factory.mktemp("oidc")
    async with running_oidc_server(folder, PEOPLE) as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def registered(server: OidcServer) -> RegisteredClient:
    return await server.register(_callback("canaille"))


@pytest_asyncio.fixture(scope="module")
async def public(server: OidcServer) -> RegisteredClient:
    return await server.register(_callback("public"), "none")


@asynccontextmanager
async def knowing(hall: Hall, application: Any, settings: SignInSettings) -> AsyncIterator[Hall]:
    """Open the hall to providers."""
    async with open_outbound() as outbound:
        changed = replace(
            hall,
            settings=replace(hall.settings, sign_in=settings),
            issuers=Issuers(outbound, hall.redis, hall.clock, settings),
        )
        furnish(application, changed)
        yield changed


@pytest_asyncio.fixture
async def with_server(
    client: Client,
    application: Any,
    committed: Hall,
    server: OidcServer,
    registered: RegisteredClient,
    public: RegisteredClient,
    clock: SettableClock,
) -> AsyncIterator[Hall]:
    """A hall that knows the independent server, at the time by which that lives."""
    clock.set(datetime.now(UTC))
    assert registered.secret is not None
    settings = SignInSettings(
        oidc_providers=(
            OidcProvider(
                name="canaille",
                title="The Duck",
                issuer=server.url,
                client_id=registered.id,
                client_secret=SecretStr(registered.secret),
            ),
            OidcProvider(name="public", issuer=server.url, client_id=public.id),
        ),
        external_issuers=(ExternalIssuer(issuer=server.url, audience=registered.id),),
    )
    async with knowing(committed, application, settings) as hall:
        yield hall


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer(KEY) as running:
        yield running


@pytest_asyncio.fixture
async def with_issuer(
    client: Client, application: Any, committed: Hall, issuer: Issuer
) -> AsyncIterator[Hall]:
    """A hall that knows the server that does as it is told."""
    provider = OidcProvider(
        name="told",
        issuer=issuer.url,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
    )
    settings = SignInSettings(oidc_providers=(provider,))
    async with knowing(committed, application, settings) as hall:
        yield hall


@dataclass(frozen=True)
class Begun:
    """A sign-in under way: where the browser is sent, and what it keeps."""

    url: str
    cookies: Mapping[str, str]

    @property
    def asked(self) -> dict[str, str]:
        return _query(self.url)


async def begin(client: Client, provider: str = "canaille", **given: str) -> Begun:
    answer = await client.get(
        f"/auth/oidc/{provider}/login", params={"transport": "bearer"} | given
    )
    assert answer.status_code == 303, answer.text
    return Begun(answer.headers["location"], cookies_in(answer))


async def come_back(
    client: Client, provider: str, cookies: Mapping[str, str], **query: str | None
) -> httpx.Response:
    return await client.get(
        f"/auth/oidc/{provider}/callback",
        params={name: value for name, value in query.items() if value is not None},
        headers={"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())},
    )


async def at_server(begun: Begun, server: OidcServer, who: str = "ada") -> dict[str, str]:
    """Sign in at the server's pages; give what the browser brings back.

    Its tokens know whole seconds only, and it breaks where two of them would be the same.
    """
    await asyncio.sleep(1.01 - time.time() % 1)
    async with Browser() as browser:
        back = await browser.sign_in(begun.url, who, server.url)
    assert back.startswith(begun.asked["redirect_uri"] + "?")
    return _query(back)


async def sign_in(
    client: Client, server: OidcServer, provider: str = "canaille", who: str = "ada", **given: str
) -> httpx.Response:
    begun = await begin(client, provider, **given)
    return await come_back(client, provider, begun.cookies, **await at_server(begun, server, who))


def cookies_in(answer: httpx.Response) -> dict[str, str]:
    jar = SimpleCookie[str]()
    for line in answer.headers.get_list("set-cookie"):
        guards = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "path=/", "samesite=lax"} <= guards, line
        jar.load(line)
    return {name: morsel.value for name, morsel in jar.items() if morsel.value}


async def count(hall: Hall, table: type[User | ActiveSession]) -> int:
    async with hall.units.read() as uow:
        return int(await uow.session.scalar(select(func.count()).select_from(table)) or 0)


@pytest.mark.parametrize("provider", ["canaille", "public"])
async def test_who_signs_in_with_the_server_twice_is_one_member(
    client: Client, with_server: Hall, server: OidcServer, provider: str
) -> None:
    first = await sign_in(client, server, provider)
    assert first.status_code == 200, first.text
    me = (await client.with_token(first.json()["access_token"]).get(ME)).json()
    assert (me["username"], me["email"], me["email_verified"]) == (
        "Ada-L",
        "ada@example.org",
        False,
    )
    second = await sign_in(client, server, provider, device="Tablet")
    again = client.with_token(second.json()["access_token"])
    assert (await again.get(ME)).json()["id"] == me["id"]
    assert (await again.get("/users/me/devices")).json()["items"][0]["name"] == "Tablet"
    other = await sign_in(client, server, provider, "bob")
    assert (await client.with_token(other.json()["access_token"]).get(ME)).json()["id"] != me["id"]
    async with with_server.units.read() as uow:
        methods = select(AuditEntry.details["method"].astext).where(AuditEntry.action == "login")
        assert set(await uow.session.scalars(methods)) == {f"oidc:{provider}"}


async def test_a_browser_gets_cookies_and_is_led_to_where_it_wanted_to_go(
    client: Client, with_server: Hall, server: OidcServer
) -> None:
    answer = await sign_in(client, server, transport="cookie", return_to="/goals?new=1#top")
    assert (answer.status_code, answer.headers["location"]) == (303, "/goals?new=1#top")
    cookies = cookies_in(answer)
    assert set(cookies) == {"__Host-guildhall", "__Host-guildhall-refresh", "__Host-guildhall-csrf"}
    header = {"Cookie": f"__Host-guildhall={cookies['__Host-guildhall']}"}
    assert (await client.get(ME, headers=header)).json()["username"] == "Ada-L"


async def test_what_the_server_is_asked_is_bound_to_this_very_sign_in(
    client: Client, with_server: Hall, registered: RegisteredClient
) -> None:
    one, two = await begin(client), await begin(client)
    assert one.asked["response_type"] == "code"
    assert one.asked["code_challenge_method"] == "S256"
    assert one.asked["redirect_uri"] == _callback("canaille")
    assert one.asked["client_id"] == registered.id
    for name in ("state", "nonce", "code_challenge"):
        assert len(one.asked[name]) >= 43
        assert one.asked[name] != two.asked[name]
    for secret in ("state", "nonce"):
        assert one.asked[secret] not in one.cookies[PENDING]


Swap = Callable[[Hall, Begun, Begun, dict[str, str]], tuple[Mapping[str, str], dict[str, str]]]


def _resealed(hall: Hall, begun: Begun, **changed: str) -> dict[str, str]:
    """Change what is sealed, as nobody outside of the hall could."""
    sealed = base64.urlsafe_b64decode(begun.cookies[PENDING] + "==")
    pending = orjson.loads(hall.sealer.open(sealed, PENDING_PLACE)) | changed
    again = hall.sealer.seal(orjson.dumps(pending), PENDING_PLACE)
    return {PENDING: base64.urlsafe_b64encode(again).rstrip(b"=").decode()}


def _without(brought: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in brought.items() if key != name}


SWAPS: dict[str, tuple[Swap, str]] = {
    "no cookie": (lambda h, b, o, q: ({}, q), "sign_in_not_begun"),
    "no state": (lambda h, b, o, q: (b.cookies, _without(q, "state")), "sign_in_not_begun"),
    "an empty state": (lambda h, b, o, q: (b.cookies, q | {"state": ""}), "sign_in_not_begun"),
    "a state not ASCII": (lambda h, b, o, q: (b.cookies, q | {"state": "é"}), "sign_in_not_begun"),
    "another's state": (
        lambda h, b, o, q: (b.cookies, q | {"state": o.asked["state"]}),
        "sign_in_not_begun",
    ),
    "another browser": (lambda h, b, o, q: (o.cookies, q), "sign_in_not_begun"),
    "a cookie changed": (
        lambda h, b, o, q: ({PENDING: b.cookies[PENDING][:-4] + "AAAA"}, q),
        "sign_in_not_begun",
    ),
    "a cookie of nothing": (lambda h, b, o, q: ({PENDING: "x"}, q), "sign_in_not_begun"),
    "a code in another's sign-in": (
        lambda h, b, o, q: (o.cookies, q | {"state": o.asked["state"]}),
        "identity_provider_refused",
    ),
    "another verifier": (
        lambda h, b, o, q: (_resealed(h, b, verifier="x" * 64), q),
        "identity_provider_refused",
    ),
    "another nonce": (
        lambda h, b, o, q: (_resealed(h, b, nonce="x" * 43), q),
        "identity_provider_refused",
    ),
    "no code": (lambda h, b, o, q: (b.cookies, _without(q, "code")), "identity_provider_refused"),
    "a made-up code": (
        lambda h, b, o, q: (b.cookies, q | {"code": "x" * 48}),
        "identity_provider_refused",
    ),
    "another issuer": (
        lambda h, b, o, q: (b.cookies, q | {"iss": "https://evil.example"}),
        "identity_provider_refused",
    ),
    "an issuer with a slash": (
        lambda h, b, o, q: (b.cookies, q | {"iss": q["iss"] + "/"}),
        "identity_provider_refused",
    ),
    "no issuer though it says it": (
        lambda h, b, o, q: (b.cookies, _without(q, "iss")),
        "identity_provider_refused",
    ),
    "refused there": (
        lambda h, b, o, q: (b.cookies, _without(q, "code") | {"error": "access_denied"}),
        "identity_provider_refused",
    ),
}


@pytest.mark.parametrize("what", SWAPS)
async def test_nothing_that_was_swapped_signs_anybody_in(
    client: Client, with_server: Hall, server: OidcServer, what: str
) -> None:
    swap, code = SWAPS[what]
    begun, other = await begin(client), await begin(client)
    cookies, brought = swap(with_server, begun, other, await at_server(begun, server))
    answer = await come_back(client, "canaille", cookies, **brought)
    assert (answer.status_code, answer.json()["error"]) == (401, code)
    assert "set-cookie" not in answer.headers
    assert (await count(with_server, User), await count(with_server, ActiveSession)) == (0, 0)


async def test_a_code_is_good_once(client: Client, with_server: Hall, server: OidcServer) -> None:
    begun = await begin(client)
    brought = await at_server(begun, server)
    assert (await come_back(client, "canaille", begun.cookies, **brought)).status_code == 200
    again = await come_back(client, "canaille", begun.cookies, **brought)
    assert (again.status_code, again.json()["error"]) == (401, "sign_in_not_begun")
    await with_server.redis.flushdb()  # Without our memory, the server's own is left.
    again = await come_back(client, "canaille", begun.cookies, **brought)
    assert (again.status_code, again.json()["error"]) == (401, "identity_provider_refused")
    assert await count(with_server, ActiveSession) == 1


async def test_a_sign_in_ends_with_another_provider_or_after_ten_minutes_in_nothing(
    client: Client, with_server: Hall, server: OidcServer, clock: SettableClock
) -> None:
    begun = await begin(client)
    brought = await at_server(begun, server)
    other = await come_back(client, "public", begun.cookies, **brought)
    clock.advance(seconds=600)
    late = await come_back(client, "canaille", begun.cookies, **brought)
    assert [answer.json()["error"] for answer in (other, late)] == ["sign_in_not_begun"] * 2


async def test_tokens_of_the_server_work_as_bearer_tokens_and_its_id_tokens_do_not(
    client: Client, with_server: Hall, server: OidcServer, registered: RegisteredClient
) -> None:
    """Someone may be known by both: they are one member."""
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": registered.id,
        "redirect_uri": _callback("canaille"),
        "scope": "openid email profile",
        "nonce": "n",
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    brought = await at_server(Begun(f"{server.url}/oauth/authorize?{urlencode(asked)}", {}), server)
    assert registered.secret is not None
    async with httpx.AsyncClient(trust_env=False) as elsewhere:
        given = await elsewhere.post(
            f"{server.url}/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": brought["code"],
                "redirect_uri": asked["redirect_uri"],
                "code_verifier": verifier,
            },
            auth=(registered.id, registered.secret),
        )
    tokens = given.json()
    by_token = await client.with_token(tokens["access_token"]).get(ME)
    assert by_token.status_code == 200, by_token.text
    refused = await client.with_token(tokens["id_token"]).get(ME)
    assert (refused.status_code, refused.json()["error"]) == (401, "token_invalid")
    by_login = (await sign_in(client, server)).json()["access_token"]
    assert (await client.with_token(by_login).get(ME)).json()["id"] == by_token.json()["id"]


@pytest.mark.parametrize(
    "return_to",
    [
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "%2f%2fevil.example",
        "/%2fevil.example",
        "/%5cevil.example",
        "evil.example",
        "@evil.example",
        ".evil.example",
        "",
        " /",
        "/\0",
        "/x" * 400,
    ],
)
async def test_nobody_is_led_out_of_the_hall_afterwards(
    client: Client, with_issuer: Hall, return_to: str, member: Person
) -> None:
    address = "/auth/oidc/told/login"
    login = await client.get(address, params={"return_to": return_to})
    link = await client.of(member).post(
        "/users/me/identities/told/link", json={"return_to": return_to}
    )
    assert [login.status_code, link.status_code] == [422, 422]


async def begun_at_told(client: Client, issuer: Issuer) -> tuple[Begun, dict[str, Any]]:
    """Begin with the server that does as it is told; give the claims that would be right."""
    begun = await begin(client, "told")
    now = int(client_clock(client).timestamp())
    return begun, {
        "iss": issuer.url,
        "sub": "42",
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 300,
        "nonce": begun.asked["nonce"],
    }


def client_clock(client: Client) -> datetime:
    hall: Hall = client._application.state.hall
    return hall.clock.now()


def _half_hash(text: str) -> str:
    half = hashlib.sha256(text.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


ID_TOKENS: dict[str, tuple[bool, Callable[[Issuer, dict[str, Any]], str]]] = {
    "right": (True, lambda i, c: i.sign(c)),
    "right, with its hash": (True, lambda i, c: i.sign(c | {"at_hash": _half_hash("access")})),
    "right, among audiences": (
        True,
        lambda i, c: i.sign(c | {"aud": [CLIENT_ID, "x"], "azp": CLIENT_ID}),
    ),
    "of another client": (False, lambda i, c: i.sign(c | {"aud": "another"})),
    "of a client whose name begins so": (False, lambda i, c: i.sign(c | {"aud": "hallway"})),
    "of several, not said whose": (False, lambda i, c: i.sign(c | {"aud": [CLIENT_ID, "x"]})),
    "given to another": (False, lambda i, c: i.sign(c | {"azp": "another"})),
    "of another issuer": (False, lambda i, c: i.sign(c | {"iss": "https://evil.example"})),
    "without a nonce": (False, lambda i, c: i.sign(_without(c, "nonce"))),
    "another nonce": (False, lambda i, c: i.sign(c | {"nonce": "x"})),
    "nonce no text": (False, lambda i, c: i.sign(c | {"nonce": [c["nonce"]]})),
    "another hash": (False, lambda i, c: i.sign(c | {"at_hash": _half_hash("other")})),
    "expired": (False, lambda i, c: i.sign(c | {"exp": c["iat"]})),
    "of the future": (False, lambda i, c: i.sign(c | {"iat": c["iat"] + 61})),
    "without a subject": (False, lambda i, c: i.sign(_without(c, "sub"))),
    "an access token": (False, lambda i, c: i.sign(c, {"typ": "at+jwt"})),
    "another's signature": (False, lambda i, c: i.sign(c, key=OTHER_KEY)),
    "not signed": (
        False,
        lambda i, c: (
            base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
            + "."
            + base64.urlsafe_b64encode(orjson.dumps(c)).decode().rstrip("=")
            + "."
        ),
    ),
    "signed by the client's secret": (
        False,
        lambda i, c: jwt.encode(
            {"alg": "HS256"}, c, OctKey.import_key(CLIENT_SECRET * 2), algorithms=["HS256"]
        ),
    ),
    "no token": (False, lambda i, c: ""),
}


@pytest.mark.parametrize("what", ID_TOKENS)
async def test_only_an_id_token_for_this_hall_and_this_sign_in_is_taken(
    client: Client, with_issuer: Hall, issuer: Issuer, what: str
) -> None:
    right, made = ID_TOKENS[what]
    begun, claims = await begun_at_told(client, issuer)
    issuer.pages["/token"] = {"access_token": "access", "id_token": made(issuer, claims)}
    answer = await come_back(client, "told", begun.cookies, code="c", state=begun.asked["state"])
    if right:
        assert answer.status_code == 200, answer.text
    else:
        assert (answer.status_code, answer.json()["error"]) == (401, "identity_provider_refused")
        assert await count(with_issuer, ActiveSession) == 0


async def contents(redis: Redis, key: bytes) -> str:
    """Give a key of Redis with all that it holds."""
    read: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: redis.get(key),
        b"hash": lambda: redis.hgetall(key),
        b"set": lambda: redis.smembers(key),
        b"zset": lambda: redis.zrange(key, 0, -1),
        b"list": lambda: redis.lrange(key, 0, -1),
        b"stream": lambda: redis.xrange(key),
    }
    return f"{key!r} {await read[await redis.type(key)]()!r}"


async def test_tokens_of_the_provider_are_kept_nowhere(
    client: Client, with_issuer: Hall, issuer: Issuer, owner: asyncpg.Connection
) -> None:
    begun, claims = await begun_at_told(client, issuer)
    given = {"access_token": "the-access-token", "refresh_token": "the-refresh-token"}
    id_token = issuer.sign(claims)
    issuer.pages["/token"] = given | {"id_token": id_token}
    answer = await come_back(
        client, "told", begun.cookies, code="the-code", state=begun.asked["state"]
    )
    assert answer.status_code == 200
    secrets = [*given.values(), "the-code", CLIENT_SECRET, *id_token.split(".")]
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    kept = [
        str(row)
        for (table,) in tables
        for (row,) in await owner.fetch(f"SELECT t::text FROM {table} t")
    ]
    in_redis = [
        await contents(with_issuer.redis, key) async for key in with_issuer.redis.scan_iter()
    ]
    assert any(issuer.url in text for text in in_redis)  # Its public keys.
    kept += in_redis
    assert any('"sub":"42"' in text or ",42," in text for text in kept)  # Who they are is kept.
    assert not [text for text in kept if any(secret in text for secret in secrets)]


async def test_an_address_does_not_make_somebody_another_member(
    client: Client, with_issuer: Hall, issuer: Issuer, member: Person
) -> None:
    for verified in (False, True):
        begun, claims = await begun_at_told(client, issuer)
        mail = {"email": f"{member.username}@example.org", "email_verified": verified}
        issuer.pages["/token"] = {"id_token": issuer.sign(claims | mail | {"sub": str(verified)})}
        answer = await come_back(
            client, "told", begun.cookies, code="c", state=begun.asked["state"]
        )
        them = client.with_token(answer.json()["access_token"])
        assert (await them.get(ME)).json()["id"] != str(member.id)
    assert await count(with_issuer, User) == 3


@pytest.mark.parametrize("by_form", [True, False])
async def test_the_secret_travels_as_the_provider_wants_it(
    client: Client, with_issuer: Hall, issuer: Issuer, by_form: bool
) -> None:
    if by_form:
        issuer.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    begun, claims = await begun_at_told(client, issuer)
    issuer.pages["/token"] = {"id_token": issuer.sign(claims)}
    answer = await come_back(client, "told", begun.cookies, code="c", state=begun.asked["state"])
    assert answer.status_code == 200, answer.text
    (form,), (authorization,) = issuer.forms, issuer.authorizations
    assert form["redirect_uri"] == _callback("told")
    challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(challenge).decode().rstrip("=") == begun.asked["code_challenge"]
    if by_form:
        assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        assert authorization == ""
    else:
        assert "client_secret" not in form
        told = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert told == "hall:a+secret%3A+with%2Fsigns"


@pytest.mark.parametrize("away", ["/.well-known/openid-configuration", "/token", "/keys"])
async def test_without_its_provider_nobody_comes_in_and_nobody_has_to_leave(
    client: Client, with_issuer: Hall, issuer: Issuer, member: Person, away: str
) -> None:
    issuer.pages["/token"] = {"id_token": issuer.sign({"iss": issuer.url})}
    if away == "/keys":
        begun, claims = await begun_at_told(client, issuer)
        issuer.pages["/token"] = {"id_token": issuer.sign(claims)}
        issuer.pages[away] = None
    elif away == "/token":
        begun, _ = await begun_at_told(client, issuer)
        issuer.pages[away] = None
    else:
        issuer.pages[away] = None
        answer = await client.get("/auth/oidc/told/login")
        assert (answer.status_code, answer.json()["error"]) == (
            503,
            "identity_provider_unavailable",
        )
        assert (await client.of(member).get(ME)).status_code == 200
        return
    answer = await come_back(client, "told", begun.cookies, code="c", state=begun.asked["state"])
    assert (answer.status_code, answer.json()["error"]) == (503, "identity_provider_unavailable")
    assert (await client.of(member).get(ME)).status_code == 200


async def told_sign_in(client: Client, issuer: Issuer, **given: str) -> httpx.Response:
    begun = await begin(client, "told", **given)
    now = int(client_clock(client).timestamp())
    claims = {
        "iss": issuer.url, "sub": "42", "aud": CLIENT_ID, "iat": now, "exp": now + 300,
        "nonce": begun.asked["nonce"],
    }  # fmt: skip
    issuer.pages["/token"] = {"id_token": issuer.sign(claims)}
    return await come_back(client, "told", begun.cookies, code="c", state=begun.asked["state"])


async def test_who_has_a_second_factor_is_asked_for_it_here_too(
    client: Client, with_issuer: Hall, issuer: Issuer
) -> None:
    token = (await told_sign_in(client, issuer)).json()["access_token"]
    me = (await client.with_token(token).get(ME)).json()
    secret = pyotp.random_base32()
    sealed = with_issuer.sealer.seal(secret.encode(), TOTP_SECRET.place(UUID(me["id"])))
    async with with_issuer.units.write() as uow:
        uow.session.add(
            TotpSecret(user_id=me["id"], sealed=sealed, created_at=uow.now, confirmed_at=uow.now)
        )
    program = await told_sign_in(client, issuer)
    assert (program.status_code, program.json()["error"]) == (401, "second_factor_required")
    browser = await told_sign_in(client, issuer, transport="cookie", return_to="/goals")
    assert (browser.status_code, browser.headers["location"]) == (303, "/sign-in/second-factor")
    assert set(cookies_in(browser)) == {"__Host-guildhall-second-factor"}
    assert await count(with_issuer, ActiveSession) == 1
    let_in = await client.post(
        "/auth/second-factor",
        json={"code": pyotp.TOTP(secret).at(with_issuer.clock.now())},
        headers={
            "cookie": "; ".join(f"{name}={value}" for name, value in cookies_in(browser).items()),
            "sec-fetch-site": "same-origin",
        },
    )
    assert (let_in.status_code, let_in.json()["token_type"]) == (200, "cookie")
    assert await count(with_issuer, ActiveSession) == 2


async def test_a_suspended_member_is_not_let_in_by_their_provider(
    client: Client, with_issuer: Hall, issuer: Issuer, admin: Person
) -> None:
    token = (await told_sign_in(client, issuer)).json()["access_token"]
    me = (await client.with_token(token).get(ME)).json()
    await client.of(admin).patch(f"/admin/users/{me['id']}", json={"status": "suspended"})
    answer = await told_sign_in(client, issuer)
    assert (answer.status_code, answer.json()["error"]) == (403, "account_suspended")
    assert (await client.with_token(token).get(ME)).status_code == 401


async def linked(client: Client, who: Person, issuer: Issuer, subject: str) -> httpx.Response:
    started = await client.of(who).post(
        "/users/me/identities/told/link", json={"return_to": "/settings"}
    )
    assert started.status_code == 200, started.text
    begun = Begun(started.json()["url"], cookies_in(started))
    now = int(client_clock(client).timestamp())
    claims = {
        "iss": issuer.url, "sub": subject, "aud": CLIENT_ID, "iat": now, "exp": now + 300,
        "nonce": begun.asked["nonce"],
    }  # fmt: skip
    issuer.pages["/token"] = {"id_token": issuer.sign(claims)}
    return await come_back(client, "told", begun.cookies, code="c", state=begun.asked["state"])


async def test_a_member_links_an_account_signs_in_with_it_and_unlinks_it(
    client: Client, with_issuer: Hall, issuer: Issuer, member: Person, other: Person
) -> None:
    mine = client.of(member)
    back = await linked(client, member, issuer, "42")
    assert (back.status_code, back.headers["location"]) == (303, "/settings")
    assert (await linked(client, member, issuer, "42")).status_code == 303  # Twice is once.
    taken = await linked(client, other, issuer, "42")
    assert (taken.status_code, taken.json()["error"]) == (409, "identity_taken")
    token = (await told_sign_in(client, issuer)).json()["access_token"]
    assert (await client.with_token(token).get(ME)).json()["id"] == str(member.id)
    await linked(client, member, issuer, "43")
    first = (await mine.get("/users/me/identities?limit=1")).json()
    rest = (await mine.get("/users/me/identities", params={"cursor": first["next_cursor"]})).json()
    found = first["items"] + rest["items"]
    assert [(one["provider"], one["subject"]) for one in found] == [("told", "42"), ("told", "43")]
    address = f"/users/me/identities/{found[0]['id']}"
    assert (await client.of(other).delete(address)).json()["error"] == "identity_not_found"
    assert (await mine.delete(address)).status_code == 204
    assert (await mine.delete(address)).status_code == 404
    token = (await told_sign_in(client, issuer)).json()["access_token"]
    assert (await client.with_token(token).get(ME)).json()["id"] != str(member.id)


async def test_a_linked_account_is_told_of_by_mail_once(
    client: Client, with_issuer: Hall, committed: Hall, issuer: Issuer, member: Person
) -> None:
    mailbox = Mailbox()
    for _ in range(2):
        assert (await linked(client, member, issuer, "42")).status_code == 303
    await deliver(committed, mailbox)
    (letter,) = mailbox.letters
    assert letter.to == f"{member.username}@example.org"
    assert PROOFS_CHANGED["identity_linked"] in letter.text


async def test_the_last_way_in_stays(client: Client, with_issuer: Hall, issuer: Issuer) -> None:
    token = (await told_sign_in(client, issuer)).json()["access_token"]
    mine = client.with_token(token)
    (only,) = (await mine.get("/users/me/identities")).json()["items"]
    refused = await mine.delete(f"/users/me/identities/{only['id']}")
    assert (refused.status_code, refused.json()["error"]) == (409, "last_way_in")


async def test_a_link_needs_a_recent_sign_in_and_the_session_that_began_it(
    client: Client, with_issuer: Hall, issuer: Issuer, member: Person, clock: SettableClock
) -> None:
    started = await client.of(member).post("/users/me/identities/told/link", json={})
    begun = Begun(started.json()["url"], cookies_in(started))
    now = int(clock.now().timestamp())
    claims = {"iss": issuer.url, "sub": "42", "aud": CLIENT_ID, "iat": now, "exp": now + 300}
    issuer.pages["/token"] = {"id_token": issuer.sign(claims | {"nonce": begun.asked["nonce"]})}
    assert (await client.of(member).post("/auth/logout")).status_code == 204
    back = await come_back(client, "told", begun.cookies, code="c", state=begun.asked["state"])
    assert (back.status_code, back.json()["error"]) == (401, "sign_in_not_begun")
    token = (await told_sign_in(client, issuer)).json()["access_token"]
    clock.advance(minutes=11)
    late = await client.with_token(token).post("/users/me/identities/told/link", json={})
    assert (late.status_code, late.json()["error"]) == (403, "reauthentication_required")


async def test_providers_are_listed_and_unknown_ones_are_not_found(
    client: Client, with_server: Hall
) -> None:
    assert (await client.get("/auth/providers")).json() == [
        {"name": "canaille", "title": "The Duck"},
        {"name": "public", "title": "Public"},
    ]
    for name in ("nowhere", "Canaille", "canaille%00", "x" * 3000):
        answer = await client.get(f"/auth/oidc/{name}/login")
        assert answer.status_code == 404, name


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def _callback(provider: str) -> str:
    return f"{ORIGIN}/api/v1/auth/oidc/{provider}/callback"
