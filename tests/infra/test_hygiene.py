"""The open internet: strange hosts, proxies that are none, slow and lying requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import websockets
from pydantic import ValidationError
from sqlalchemy import text

from guildhall.entrypoints.api import create_app, furnish
from guildhall.infra.door import tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.http import Reads, Writes
from guildhall.infra.http.access import access_routers
from guildhall.infra.settings import ApiSettings, RateLimitSettings
from guildhall.kernel.ids import new_id
from tests.factories import Person
from tests.infra.serving import Served, served
from tests.infra.test_http import DRAFT, problem
from tests.world import Client

APP = "https://app.example.org"
JSON = "application/json"


def hall_with(hall: Hall, **api: Any) -> Client:
    """Give a client of a hall with other settings of the API."""
    api_settings = ApiSettings(**{"trusted_hosts": ("hall",), **api})
    other = replace(hall, settings=replace(hall.settings, api=api_settings))
    app = create_app(other.settings)
    furnish(app, other)
    return Client(app)


# Headers


async def test_every_answer_tells_browsers_to_do_nothing_with_it(
    client: Client, member: Person
) -> None:
    mine = client.of(member)
    for answer in (
        await mine.get("/users/me"),
        await mine.get("/challenges"),
        await client.get("/nowhere"),
        await client.get("/users/me"),
        await mine.post("/challenges", content="{", headers={"content-type": JSON}),
        await client.get("/users/me", headers={"Host": "elsewhere"}),
        await client.get("http://hall/health"),
    ):
        said = answer.headers
        assert said["x-content-type-options"] == "nosniff"
        assert said["x-frame-options"] == "DENY"
        assert said["referrer-policy"] == "no-referrer"
        assert said["cross-origin-opener-policy"] == "same-origin"
        assert said["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in said["permissions-policy"]
        assert said["content-security-policy"].startswith("default-src 'none'; frame-ancestors")
        assert said["cache-control"] == "no-store"
        assert "strict-transport-security" not in said
        assert "server" not in said
        for name in said:
            assert len(said.get_list(name)) == 1, name


async def test_the_docs_run_their_own_inline_script_and_no_other(client: Client) -> None:
    page = await client.get("http://hall/docs")
    policy = page.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert "unsafe" not in policy[0]
    assert re.search(r"script-src 'self' 'sha256-[A-Za-z0-9+/]{43}='", policy[0])
    asset = await client.get("http://hall/docs/assets/swagger-ui.css")
    assert asset.status_code == 200
    assert "no-store" not in asset.headers.get("cache-control", "")


async def test_transport_security_is_asked_for_where_the_hall_has_it(committed: Hall) -> None:
    secure = hall_with(committed, public_url="https://hall.example.org")
    answer = await secure.get("/nowhere")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_headers_can_be_left_to_a_proxy_but_answers_are_never_kept(committed: Hall) -> None:
    answer = await hall_with(committed, security_headers=False).get("/nowhere")
    assert "x-frame-options" not in answer.headers
    assert "content-security-policy" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


# Hosts


@pytest.mark.parametrize(
    "host", ["hall", "HALL", "hall:80", "hall:65535", "hall:", "[::1]", "[::1]:8000", "10.0.0.1"]
)
async def test_the_hall_answers_to_its_names(committed: Hall, host: str) -> None:
    client = hall_with(committed, trusted_hosts=("Hall", "[::1]", "10.0.0.1"))
    answer = await client.get("/nowhere", headers={"Host": host})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "host",
    ["", "elsewhere", "hall.", "hall.evil.example", "evil.hall", "hall@evil", "hall:80:80",
     "hall:x", "[::1", "::1", "[::2]", "hall, evil", "evil#hall", "hall/x", " ",
     "hall\x00", "hall\xff", "*"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/nowhere", "/users/me", "http://hall/docs"])
async def test_other_names_are_refused(committed: Hall, path: str, host: str) -> None:
    client = hall_with(committed, trusted_hosts=("hall", "[::1]"))
    answer = await client.get(path, headers=[(b"host", host.encode("latin-1"))])
    problem(answer, 400, "host_not_allowed")
    assert "TRUSTED_HOSTS" in answer.json()["detail"]


async def test_a_socket_asks_for_a_name_of_the_hall_too(committed: Hall, member: Person) -> None:
    bearer = {"Authorization": f"Bearer {member.token}"}
    async with served(committed, trusted_hosts=("hall",)) as hall:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(hall.socket_url, additional_headers=bearer)
        assert refused.value.response.status_code == 400
        named = hall.socket_url.replace("127.0.0.1", "hall")
        async with websockets.connect(named, host="127.0.0.1", additional_headers=bearer) as socket:
            assert "hello" in str(await socket.recv())


async def test_probes_ask_by_whatever_address_the_process_has(client: Client) -> None:
    for path in ("/health", "/metrics"):
        answer = await client.get(f"http://10.9.8.7{path}")
        assert answer.status_code == 200
    problem(await client.get("http://10.9.8.7/health/../nowhere"), 400, "host_not_allowed")


async def test_where_any_name_may_ask_one_name_must(committed: Hall) -> None:
    client = hall_with(committed, trusted_hosts=("*",))
    assert (await client.get("/nowhere", headers={"Host": "whatever"})).status_code == 404
    two = [(b"host", b"one"), (b"host", b"two")]
    problem(await client.get("/nowhere", headers=two), 400, "host_not_allowed")


# Proxies


async def addresses_seen(hall: Served, forwarded: str, times: int = 2) -> list[int]:
    """Ask as a stranger, each time from elsewhere by its own account; one request is allowed."""
    async with hall.client() as client:
        return [
            (
                await client.get("/users/me", headers={"X-Forwarded-For": forwarded.format(number)})
            ).status_code
            for number in range(1, times + 1)
        ]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "statuses"),
    [
        ((), "10.0.0.{}", [401, 429]),  # nobody is believed
        (("10.1.1.1",), "10.0.0.{}", [401, 429]),  # it is not this one
        (("127.0.0.1",), "10.0.0.{}", [401, 401]),
        (("127.0.0.0/8",), "10.0.0.{}", [401, 401]),
        (("127.0.0.1",), "10.0.0.{}, 10.7.7.7", [401, 429]),  # what the client made up is left
        (("127.0.0.1", "10.7.0.0/16"), "10.0.0.{}, 10.7.7.7", [401, 401]),
        (("127.0.0.1", "10.7.0.0/16"), "6.6.6.{}, 10.0.0.1, 10.7.7.7", [401, 429]),
    ],
)
async def test_who_asks_is_what_trusted_proxies_say(
    committed: Hall, proxies: tuple[str, ...], forwarded: str, statuses: list[int]
) -> None:
    limits = RateLimitSettings(rate_limit_public_per_minute=1)
    strict = replace(committed, settings=replace(committed.settings, rate_limit=limits))
    async with served(strict, trusted_proxies=proxies) as hall:
        assert await addresses_seen(hall, forwarded) == statuses


@pytest.mark.parametrize("proxy", ["*", "proxy.example.org", "10.0.0.1/8", "10.0.0", "0x7f"])
def test_a_proxy_that_is_no_address_is_no_setting(proxy: str) -> None:
    """The server would take it for a name that no connection ever has."""
    with pytest.raises(ValidationError, match="networks"):
        ApiSettings(trusted_proxies=proxy)  # type: ignore[arg-type]  # as it stands in .env


@pytest.mark.parametrize("proxies", [(), ("127.0.0.1",)])
async def test_the_record_has_the_address_of_who_is_believed(
    committed: Hall, owner: Any, proxies: tuple[str, ...]
) -> None:
    account = {"username": "ada", "email": "ada@example.org", "password": "tortoise gallop vial 7"}
    async with (
        served(committed, trusted_proxies=proxies) as hall,
        hall.client(**{"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.8"}) as ada,
    ):
        answer = await ada.post("/auth/register", json=account)
        assert answer.status_code < 300, answer.text
    seen = await owner.fetchval("SELECT address FROM audit_log WHERE action = 'user_registered'")
    assert seen == ("203.0.113.9" if proxies else "127.0.0.1")


# Origins


async def preflight(client: Client, origin: str, method: str = "POST") -> Any:
    return await client.options(
        "/challenges",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "x-csrf-token, idempotency-key, authorization,"
            " x-api-key, content-type",
        },
    )


async def test_a_listed_origin_may_call_with_credentials(committed: Hall, member: Person) -> None:
    client = hall_with(committed, cors_origins=(APP,))
    asked = await preflight(client, APP)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == APP
    assert asked.headers["access-control-allow-credentials"] == "true"
    answer = await client.of(member).get("/users/me", headers={"Origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP
    assert "Origin" in answer.headers["vary"]
    assert "Idempotent-Replayed" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://app.example.org", f"{APP}:8443", f"{APP}.evil", "*",
     "https://APP.example.org", f"{APP}/", f"https://evil.example {APP}"],
)  # fmt: skip
async def test_no_other_origin_is_told_anything(
    committed: Hall, member: Person, origin: str
) -> None:
    client = hall_with(committed, cors_origins=(APP,))
    asked = await preflight(client, origin)
    assert asked.status_code == 400
    assert "access-control-allow-origin" not in asked.headers
    answer = await client.of(member).get("/users/me", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


async def test_headers_and_methods_that_are_not_listed_are_not_allowed(committed: Hall) -> None:
    client = hall_with(committed, cors_origins=(APP,))
    assert (await preflight(client, APP, "TRACE")).status_code == 400
    asked = await client.options(
        "/challenges",
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-admin-secret-key",
        },
    )
    assert asked.status_code == 400


async def test_without_listed_origins_none_is_told_anything(client: Client) -> None:
    asked = await preflight(client, APP)
    assert "access-control-allow-origin" not in asked.headers


# What is asked, and how


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK"])
async def test_methods_that_show_requests_to_others_are_refused(
    client: Client, method: str
) -> None:
    for path in ("/users/me", "/nowhere", "http://hall/docs"):
        problem(await client.request(method, path), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "limit=1&x=2&%6Cimit=3", "a&a", "limit=1&limit", "=1&=2"]
)
async def test_a_parameter_that_stands_twice_is_refused(
    client: Client, member: Person, query: str
) -> None:
    for path in ("/challenges", "/leaderboards/global", "/users/me", "/nowhere"):
        problem(await client.of(member).get(f"{path}?{query}"), 422, "duplicate_parameter")


@pytest.mark.parametrize("query", ["limit=1&sort=new", "limit=1&", "&&", "", "limit=1&Limit=2"])
async def test_parameters_that_stand_once_are_not(
    client: Client, member: Person, query: str
) -> None:
    answer = await client.of(member).get(f"/users/me?{query}")
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", None])
async def test_json_that_does_not_say_so_is_refused(
    client: Client, member: Person, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = await client.of(member).post(
        "/challenges", content=json.dumps(DRAFT).encode(), headers=headers
    )
    assert answer.status_code in {415, 422}, answer.text


# Sockets: bytes as no library sends them


@pytest_asyncio.fixture
async def hall(committed: Hall) -> AsyncIterator[Served]:
    async with served(
        committed, request_body_seconds=0.3, request_seconds=2, max_request_bytes=2048
    ) as running:
        yield running


def asked(line: str, *headers: str, body: bytes = b"", host: str = "hall") -> bytes:
    head = [line, f"Host: {host}", "Connection: close", *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def error_of(answer: bytes) -> str:
    error: str = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    return error


POST = "POST /api/v1/auth/login HTTP/1.1"


async def test_a_body_that_does_not_arrive_in_time_is_given_up(hall: Served) -> None:
    for headers, body in (
        (["Content-Length: 100"], b'{"login": '),
        (["Content-Length: 100"], b""),
        (["Transfer-Encoding: chunked"], b'5\r\n{"a":\r\n'),
        (["Transfer-Encoding: chunked"], b""),
    ):
        keep = asked(POST, "Content-Type: application/json", *headers, body=body)
        answer = await hall.say(keep.replace(b"Connection: close\r\n", b""))
        assert status_of(answer) == 408
        assert error_of(answer) == "request_timeout"
        assert b"connection: close" in answer.lower()


async def test_drops_that_keep_coming_do_not_buy_time(hall: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hall.port)
    writer.write(asked(POST, "Content-Type: application/json", "Content-Length: 2000"))
    dripping = asyncio.create_task(_drip(writer))
    async with asyncio.timeout(20):
        # Not to the end: the drops on their way when the server closes may reset the connection.
        assert status_of(await reader.readline()) == 408
    dripping.cancel()
    writer.close()


async def _drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.02)


async def test_a_body_too_large_is_refused_before_it_is_read(hall: Served) -> None:
    for length in ("2049", "99999999999999999999", "002049"):
        answer = await hall.say(
            asked(POST, "Content-Type: application/json", f"Content-Length: {length}")
        )
        assert status_of(answer) in {400, 413}, length
    chunk = b"800\r\n" + b" " * 2048 + b"\r\n"
    answer = await hall.say(
        asked(
            POST, "Content-Type: application/json", "Transfer-Encoding: chunked",
            body=chunk + chunk + b"0\r\n\r\n",
        )
    )  # fmt: skip
    assert status_of(answer) == 413
    assert error_of(answer) == "request_too_large"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 5"],
        ["Content-Length: -1"],
        ["Content-Length: +5"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5 5"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding : chunked"],
        [" Transfer-Encoding: chunked"],
    ],
)
async def test_requests_with_two_readings_are_refused_and_hide_none(
    hall: Served, headers: list[str]
) -> None:
    """What one reader takes for a body must not be the next request to another (smuggling)."""
    hidden = asked("GET /api/v1/hidden HTTP/1.1")
    request = asked(POST, "Content-Type: application/json", *headers, body=b"0\r\n\r\n" + hidden)
    answer = await hall.say(request.replace(b"Connection: close\r\n", b"", 1))
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert status_of(answer) in {400, 408}, answer


async def test_a_body_longer_than_its_length_is_no_second_request(hall: Served) -> None:
    request = asked(
        POST, "Content-Type: application/json", "Content-Length: 2",
        body=b"{}" + asked("GET /api/v1/hidden HTTP/1.1"),
    )  # fmt: skip
    answer = await hall.say(request)
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "header", [b"X-Large: " + b"x" * 2_000_000, b"X-Many: 1\r\n" * 200_000], ids=["one", "many"]
)
async def test_a_head_without_end_is_cut_off(hall: Served, header: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hall.port)
    with contextlib.suppress(ConnectionError):  # It may be closed half way.
        writer.write(asked("GET /api/v1/nowhere HTTP/1.1")[:-2] + header)
        await writer.drain()
    async with asyncio.timeout(20):
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await reader.read()
    assert status_of(answer) in {0, 431}
    writer.close()
    assert status_of(await hall.say(asked("GET /health HTTP/1.1"))) == 200


async def test_a_large_head_that_ends_is_read(hall: Served) -> None:
    answer = await hall.say(asked("GET /api/v1/nowhere HTTP/1.1", "X-Large: " + "x" * 60_000))
    assert status_of(answer) == 404


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"", 0),
        (b"GET /api/v1/now", 408),
        (b"GET /api/v1/nowhere HTTP/1.1\r\nHost: hall\r\n", 408),
    ],
)
async def test_a_head_that_does_not_arrive_in_time_is_given_up(
    hall: Served, said: bytes, status: int
) -> None:
    assert status_of(await hall.say(said)) == status
    whole = asked("GET /health HTTP/1.1").replace(b"Connection: close\r\n", b"")
    answer = await hall.say(whole + said)  # The second request of a connection, too.
    assert status_of(answer) == 200
    assert (b"HTTP/1.1 408" in answer) is (status == 408)


@pytest.mark.parametrize(
    "line",
    ["GET http://evil.example/api/v1/users/me HTTP/1.1", "GET //api/v1/users/me HTTP/1.1",
     "GET /api/v1//users/me HTTP/1.1", "GET /api/v1/users%2Fme HTTP/1.1",
     "GET /api/v1/%75sers/me HTTP/1.1", "GET /API/V1/USERS/ME HTTP/1.1",
     "GET /health/../api/v1/users/me HTTP/1.1", "GET /health/%2e%2e/api/v1/users/me HTTP/1.1",
     "GET /api/v1/users/me/ HTTP/1.1", "GET /api/v1/users/me;x HTTP/1.1",
     "GET /api/v1/users/me%00 HTTP/1.1", "GET /health?/../api/v1/users/me HTTP/1.1",
     "GET \\api\\v1\\users\\me HTTP/1.1", "CONNECT hall:443 HTTP/1.1", "OPTIONS * HTTP/1.1"],
)  # fmt: skip
async def test_no_way_of_writing_an_address_goes_past_the_door(hall: Served, line: str) -> None:
    answer = await hall.say(asked(line))
    assert status_of(answer) in {307, 400, 401, 404, 405} or line.startswith("GET /health?")
    assert b'"email"' not in answer


async def test_an_address_with_another_name_does_not_stand_for_the_host(hall: Served) -> None:
    line = "GET http://hall/api/v1/nowhere HTTP/1.1"
    assert status_of(await hall.say(asked(line))) == 404
    assert error_of(await hall.say(asked(line, host="evil"))) == "host_not_allowed"


@pytest.mark.parametrize("head", ["", "Host: hall\r\nHost: evil\r\n", "Host:\r\n"])
async def test_a_request_has_one_host(hall: Served, head: str) -> None:
    request = f"GET /api/v1/nowhere HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
    answer = await hall.say(request.encode())
    assert status_of(answer) == 400
    old = await hall.say(f"GET /api/v1/nowhere HTTP/1.0\r\n{head}\r\n".encode())
    assert status_of(old) == 400


async def test_the_server_does_not_say_what_it_is(hall: Served) -> None:
    answer = await hall.say(asked("GET /api/v1/nowhere HTTP/1.1"))
    assert b"\nserver:" not in answer.lower()
    assert b"uvicorn" not in answer.lower()


# Answers that take too long


async def test_an_answer_that_takes_too_long_is_given_up_and_leaves_nothing_behind(
    committed: Hall, owner: Any
) -> None:
    client = hall_with(committed, request_seconds=0.3)
    app = client._application
    routers = access_routers("slow")
    stuck = asyncio.Event()

    @routers.public.post("/slow/writes")
    async def slow_write(uow: Writes) -> None:
        # Each a row of its own: who waits for another is let go just as their own time ends.
        await uow.session.execute(
            text("INSERT INTO heartbeats VALUES (:process, now())"), {"process": str(new_id())}
        )
        async with asyncio.timeout(20):
            await stuck.wait()

    @routers.public.get("/slow/reads")
    async def slow_read(uow: Reads) -> None:
        await uow.session.execute(text("SELECT pg_sleep(60)"))

    app.include_router(routers.public, prefix="/api/v1")
    for method, path in (("POST", "/slow/writes"), ("GET", "/slow/reads")):
        answers = await asyncio.gather(*(client.request(method, path) for _ in range(5)))
        for answer in answers:
            problem(answer, 503, "too_slow")
            assert answer.headers["retry-after"] == "5"
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert committed.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert await owner.fetchval("SELECT count(*) FROM heartbeats") == 0
    still = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()"  # noqa: E501
    async with asyncio.timeout(20):
        while await owner.fetchval(still):  # noqa: ASYNC110  # the server says when it has stopped
            await asyncio.sleep(0.02)
    assert (await client.get("/nowhere")).status_code == 404


async def test_a_stream_that_has_begun_may_take_longer(committed: Hall, member: Person) -> None:
    async with (
        served(committed, request_seconds=0.2) as hall,
        hall.client(member.token, Accept="text/event-stream") as mine,
        mine.stream("GET", "/live") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: hello"
        late = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, late.set)
        await late.wait()
        await tombstone(committed.redis, [member.member.session_id])
        assert "event: ended" in [line async for line in lines]
