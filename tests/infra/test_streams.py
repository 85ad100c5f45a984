"""Live streams: they tell a member what concerns them, for as long as their session lives."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from websockets.asyncio.client import ClientConnection

from guildhall.identity.models import ApiKey
from guildhall.infra import streams as streams_module
from guildhall.infra.channels import Channel, channel_of
from guildhall.infra.door import TOMBSTONE, Credential, Kind, forget_session, session_key
from guildhall.infra.hall import Hall
from guildhall.infra.handles import API_KEY_PREFIX, mint
from guildhall.infra.http.credentials import ACCESS_COOKIE
from guildhall.infra.streams import (
    MOST_STREAMS,
    MOST_WAITING,
    LiveEvent,
    Stream,
    tell_hall,
    tell_member,
    tell_members,
)
from guildhall.infra.tokens import TokenRefused
from guildhall.kernel.ids import new_id
from tests.factories import Person
from tests.infra.serving import PATIENCE_SECONDS, Served, served
from tests.infra.test_http import problem
from tests.world import Client

STREAM = {"Accept": "text/event-stream"}
APP = "https://app.example.org"


@pytest_asyncio.fixture
async def live(committed: Hall) -> AsyncIterator[Served]:
    async with served(committed, cors_origins=(APP,)) as hall:
        yield hall


class Listener:
    """Somebody who listens, by either way, and hears `(event, data)`."""

    def __init__(self, hear: Callable[[], Awaitable[tuple[str, Any]]]) -> None:
        self._hear = hear

    async def hears(self) -> tuple[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._hear()


@asynccontextmanager
async def by_events(live: Served, person: Person, **params: str) -> AsyncIterator[Listener]:
    async with (
        live.client(None if params else person.token, **STREAM) as mine,
        mine.stream("GET", "/live", params=params) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()

        async def hear() -> tuple[str, Any]:
            said: dict[str, str] = {}
            async for line in lines:
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    said[name] = value
                elif "event" in said:
                    return said["event"], json.loads(said["data"])
            return "over", None

        yield Listener(hear)


@asynccontextmanager
async def by_socket(live: Served, person: Person, **params: str) -> AsyncIterator[Listener]:
    query = f"?ticket={params['ticket']}" if params else ""
    headers = {} if params else {"Authorization": f"Bearer {person.token}"}
    url = live.socket_url + query
    async with websockets.connect(url, additional_headers=headers) as socket:

        async def hear() -> tuple[str, Any]:
            try:
                frame = json.loads(await socket.recv())
            except websockets.ConnectionClosed as closed:
                return "over", closed.rcvd and closed.rcvd.code
            return frame["type"], frame.get("data")

        yield Listener(hear)


WAYS = pytest.mark.parametrize("way", [by_events, by_socket])


@WAYS
async def test_a_member_hears_what_is_told_to_them_and_to_nobody_else(
    live: Served, committed: Hall, member: Person, other: Person, way: Any
) -> None:
    async with way(live, member) as listener:
        assert await listener.hears() == ("hello", {"session_id": str(member.member.session_id)})
        await tell_member(committed.redis, other.id, "secret", {"x": 0})
        await tell_member(committed.redis, member.id, "xp", {"total": 1, "text": "a\nb\r\n: é"})
        assert await listener.hears() == ("xp", {"total": 1, "text": "a\nb\r\n: é"})


@WAYS
async def test_what_is_told_while_a_stream_opens_is_heard_after_its_greeting(
    live: Served, member: Person, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = live.app.state.streams
    check, news = streams._door.check, [[str(member.id), "xp", {"total": 1}]]

    async def slow_check(credential: Credential) -> None:
        if news:
            await streams._hear(Channel.MEMBERS, json.dumps([news.pop()]).encode())
        await check(credential)

    monkeypatch.setattr(streams._door, "check", slow_check)
    async with way(live, member) as listener:
        assert (await listener.hears())[0] == "hello"
        assert await listener.hears() == ("xp", {"total": 1})


@WAYS
@pytest.mark.parametrize("end", ["logout", "suspension"])
async def test_a_stream_ends_with_its_session(
    live: Served,
    client: Client,
    member: Person,
    admin: Person,
    way: Any,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams_module, "CHECK_SECONDS", 3600)
    async with way(live, member) as listener:
        await listener.hears()
        if end == "logout":
            answer = await client.of(member).post("/auth/logout")
        else:
            path = f"/admin/users/{member.id}"
            answer = await client.of(admin).patch(path, json={"status": "suspended"})
        assert answer.status_code in {200, 204}, answer.text
        assert await listener.hears() == ("ended", {"reason": "session_ended"})
        assert await listener.hears() == ("over", None if way is by_events else 4001)


async def test_a_session_ended_between_the_door_and_the_stream_gets_none(
    live: Served, committed: Hall, member: Person
) -> None:
    streams = live.app.state.streams
    ended = Credential(Kind.SESSION, member.member.session_id, member.id)
    await committed.redis.set(session_key(ended.id), TOMBSTONE)
    with pytest.raises(TokenRefused):
        async with streams.open(ended, member.member):
            raise AssertionError("it was opened")
    assert streams._all() == []


@WAYS
async def test_a_session_that_only_changed_goes_on(
    live: Served, committed: Hall, member: Person, way: Any
) -> None:
    async with way(live, member) as listener:
        await listener.hears()
        await forget_session(committed.redis, [member.member.session_id])
        await tell_member(committed.redis, member.id, "after", None)
        assert (await listener.hears())[0] == "after"


async def test_a_lost_message_is_made_up_for_by_asking_again(
    live: Served, committed: Hall, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "CHECK_SECONDS", 0.1)
    async with by_events(live, member) as listener:
        await listener.hears()
        await committed.redis.set(session_key(member.member.session_id), TOMBSTONE)
        assert await listener.hears() == ("ended", {"reason": "session_ended"})


async def test_after_a_break_of_redis_every_stream_asks_again(
    live: Served, committed: Hall, member: Person, other: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "CHECK_SECONDS", 3600)
    async with by_events(live, member) as ended, by_events(live, other) as alive:
        await ended.hears()
        await alive.hears()
        await committed.redis.set(session_key(member.member.session_id), TOMBSTONE)
        await committed.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        assert await ended.hears() == ("ended", {"reason": "session_ended"})
        await tell_member(committed.redis, other.id, "again", None)
        assert (await alive.hears())[0] == "again"


async def test_a_foreign_token_takes_its_stream_along_when_it_expires(
    live: Served, committed: Hall, member: Person
) -> None:
    streams = live.app.state.streams
    now = committed.clock.now().timestamp()
    asked = Credential(Kind.SESSION, member.member.session_id, member.id, b"", {"exp": now})
    async with streams.open(asked, member.member) as stream:
        await streams._check([asked.id])
        assert await stream.next(0) == LiveEvent("ended", {"reason": "token_expired"})


async def test_a_ticket_opens_either_stream_from_a_page_of_a_listed_origin(
    live: Served, client: Client, member: Person
) -> None:
    for way in (by_events, by_socket):
        ticket = (await client.of(member).post("/auth/tickets")).json()["ticket"]
        async with way(live, member, ticket=ticket) as listener:
            assert (await listener.hears())[0] == "hello"


async def test_the_eleventh_stream_of_a_member_is_refused_until_one_closes(
    live: Served, member: Person, other: Person
) -> None:
    async with AsyncExitStack() as ten:
        for _ in range(MOST_STREAMS):
            listener = await ten.enter_async_context(by_events(live, member))
            assert (await listener.hears())[0] == "hello"
        async with live.client(member.token, **STREAM) as mine:
            problem(await mine.get("/live"), 429, "too_many_streams")
        refused = await refusal(live, {"Authorization": f"Bearer {member.token}"})
        assert refused == (429, "too_many_streams")
        async with by_socket(live, other) as unharmed:
            assert (await unharmed.hears())[0] == "hello"
    await closed(live)
    async with by_events(live, member) as listener:
        assert (await listener.hears())[0] == "hello"


async def closed(live: Served) -> None:
    """Wait until the server has noticed that nobody listens any more."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while live.app.state.streams._all():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)


async def test_no_connection_to_the_database_is_held_by_open_streams(
    live: Served, committed: Hall, member: Person
) -> None:
    async with by_events(live, member) as one, by_socket(live, member) as two:
        await one.hears()
        await two.hears()
        database = committed.database
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        assert database.reads.get_size() == database.reads.get_idle_size()
    await closed(live)
    assert live.app.state.streams._listener is None


def test_a_reader_too_far_behind_is_ended_alone() -> None:
    credential = Credential(Kind.SESSION, new_id(), None)
    slow, good = (Stream(credential, None) for _ in range(2))  # type: ignore[arg-type]
    for number in range(MOST_WAITING + 1):
        for stream in (slow, good):
            stream.tell(LiveEvent("n", number))
        good._waiting.popleft()
    assert (slow.reason, good.reason) == ("too_slow", None)
    assert not slow._waiting


async def test_a_reader_who_does_not_read_costs_a_bounded_queue_and_not_the_others(
    live: Served, committed: Hall, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guildhall.infra.http.streams.SEND_SECONDS", 0.2)
    request = (
        f"GET /api/v1/live HTTP/1.1\r\nHost: hall\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {member.token}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=1024)
    writer.write(request.encode())
    async with by_events(live, member) as good:
        assert (await good.hears())[0] == "hello"
        large = {"text": "x" * 200_000}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(live.app.state.streams._all()) < 2:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.01)
            while len(live.app.state.streams._all()) == 2:
                await tell_member(committed.redis, member.id, "large", large)
                assert await good.hears() == ("large", large)
        await tell_member(committed.redis, member.id, "after", None)
        assert (await good.hears())[0] == "after"
    writer.close()


async def refusal(live: Served, headers: dict[str, str], query: str = "") -> tuple[int, str]:
    """Give the status and the error with which a handshake is refused."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(live.socket_url + query, additional_headers=headers):
            pass
    answer = refused.value.response
    return answer.status_code, json.loads(answer.body or b"{}").get("error", "")


async def test_a_socket_is_not_opened_to_strangers_or_to_pages_of_other_sites(
    live: Served, member: Person
) -> None:
    cookie = {"Cookie": f"{ACCESS_COOKIE}={member.token}"}
    bearer = {"Authorization": f"Bearer {member.token}"}
    assert await refusal(live, {}) == (401, "not_signed_in")
    assert await refusal(live, {"Authorization": "Bearer x.y.z"}) == (401, "token_invalid")
    for origin in (
        "https://evil.example",
        "null",
        "https://app.example.org.evil",
        "http://[",
        APP + ":8443",
    ):
        for shown in (cookie, bearer):
            assert await refusal(live, shown | {"Origin": origin}) == (403, "cross_site_request")
    for origin in (APP, live.url, f"http://localhost:{8000}"):
        for shown in (cookie, bearer):
            async with socket_with(live, shown | {"Origin": origin}) as socket:
                assert "hello" in str(await socket.recv())
    async with socket_with(live, cookie) as socket:
        assert "hello" in str(await socket.recv())


def socket_with(live: Served, headers: dict[str, str]) -> Any:
    return websockets.connect(live.socket_url, additional_headers=headers)


async def api_key(hall: Hall, owner: Person, *scopes: str) -> dict[str, str]:
    """Give somebody an API key; give the headers with which it is shown."""
    key_id = new_id()
    text, secret_hash = mint(API_KEY_PREFIX, owner.id, key_id)
    async with hall.units.write() as uow:
        uow.session.add(
            ApiKey(
                user_id=owner.id, id=key_id, name="tests", hint="test", scopes=list(scopes),
                secret_hash=secret_hash, created_at=uow.now,
            )
        )  # fmt: skip
    return {"X-API-Key": text}


async def test_an_api_key_hears_only_with_the_scope(
    live: Served, committed: Hall, member: Person
) -> None:
    may_not = await api_key(committed, member, "identity:write", "challenges:read")
    assert await refusal(live, may_not) == (403, "scope_missing")
    may = await api_key(committed, member, "identity:read")
    async with socket_with(live, may) as socket:
        assert "hello" in str(await socket.recv())


async def answered(socket: ClientConnection, said: str | bytes) -> Any:
    await socket.send(said)
    async with asyncio.timeout(PATIENCE_SECONDS):
        return json.loads(await socket.recv())


async def test_a_socket_answers_pings_and_understands_nothing_else(
    live: Served, member: Person
) -> None:
    async with socket_with(live, {"Authorization": f"Bearer {member.token}"}) as socket:
        await socket.recv()
        assert await answered(socket, '{"type": "ping"}') == {"type": "pong"}
        assert await answered(socket, b'{"type": "ping"}') == {"type": "pong"}
        for said, error in (
            ("nonsense", "not_json"),
            ("", "not_json"),
            ('{"type": "ping"', "not_json"),
            ("nul\x00", "not_json"),
            (b"\xff\xfe", "not_json"),
            ("[" * 4000, "not_json"),
            ("[]", "type_unknown"),
            ("null", "type_unknown"),
            ("1e400", "not_json"),
            ('{"type": "subscribe"}', "type_unknown"),
            ('{"type": ["ping"]}', "type_unknown"),
        ):
            frame = await answered(socket, said)
            assert (frame["type"], frame["data"]["error"]) == ("error", error), said
        assert await answered(socket, '{"type": "ping"}') == {"type": "pong"}


@pytest.mark.parametrize("size", [4097, 100_000, 5_000_000])
async def test_a_frame_too_large_closes_the_socket(live: Served, member: Person, size: int) -> None:
    async with socket_with(live, {"Authorization": f"Bearer {member.token}"}) as socket:
        await socket.recv()
        with contextlib.suppress(websockets.ConnectionClosed):  # It may be closed half way.
            await socket.send("x" * size)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await socket.wait_closed()
        assert socket.close_code == 1009


async def test_a_stream_must_be_asked_for_as_one(client: Client, member: Person) -> None:
    """Whoever did not mean it would wait for an end that does not come."""
    problem(await client.of(member).get("/live"), 406, "not_acceptable")


@WAYS
async def test_streams_end_themselves_before_the_process_does(
    live: Served, member: Person, way: Any
) -> None:
    async with way(live, member) as listener:
        await listener.hears()
        live.app.state.streams.drain()
        assert await listener.hears() == ("ended", {"reason": "draining"})
        assert await listener.hears() == ("over", None if way is by_events else 1012)
    async with httpx.AsyncClient(headers=STREAM) as late:
        bearer = {"Authorization": f"Bearer {member.token}"}
        answer = await late.get(f"{live.url}/api/v1/live", headers=bearer)
    problem(answer, 503, "hall_draining")


UNREADABLE = (b"", b"{", b"[1]", b'[["x", "y", 1]]', b'[[1, "y", 1]]', b"[1, 2]")


@WAYS
async def test_what_several_members_are_told_at_once_reaches_each(
    live: Served, committed: Hall, member: Person, other: Person, way: Any
) -> None:
    async with way(live, member) as mine, way(live, other) as theirs:
        await mine.hears()
        await theirs.hears()
        await tell_members(
            committed.redis,
            [(member.id, "xp", {"xp": 1}), (other.id, "xp", {"xp": 2}), (member.id, "level", None)],
        )
        assert await mine.hears() == ("xp", {"xp": 1})
        assert await mine.hears() == ("level", None)
        assert await theirs.hears() == ("xp", {"xp": 2})


async def test_what_the_hall_is_told_often_each_stream_hears_about_once_a_second(
    live: Served, committed: Hall, member: Person, other: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "HALL_SECONDS", 0.2)
    async with by_events(live, member) as mine, by_socket(live, other) as theirs:
        await mine.hears()
        await theirs.hears()
        pipe = committed.redis.pipeline(transaction=False)
        for number in range(500):
            tell_hall(pipe, "boards", ["global", f"field-{number % 3}"])
        await pipe.execute()
        await tell_members(committed.redis, [(member.id, "later", None), (other.id, "later", None)])
        for listener in (mine, theirs):
            heard = [await listener.hears()]
            while {name for _, data in heard for name in (data or {}).get("boards", [])} != {
                "global", "field-0", "field-1", "field-2",
            }:  # fmt: skip
                heard.append(await listener.hears())
            # The first at once, with what had come by then; all others together, after a while.
            assert len([name for name, _ in heard if name == "boards"]) <= 3, heard
        tell_hall(pipe, "boards", ["late"])
        await pipe.execute()
        # What was left of before comes first, or with it.
        while "late" not in ((await mine.hears())[1] or {}).get("boards", []):
            pass


async def test_a_message_that_cannot_be_read_ends_nothing(
    live: Served, committed: Hall, member: Person
) -> None:
    async with by_events(live, member) as listener:
        await listener.hears()
        for channel in Channel:
            for message in UNREADABLE:
                await committed.redis.publish(channel_of(committed.redis, channel), message)
        await tell_member(committed.redis, member.id, "after", None)
        assert await listener.hears() == ("after", None)
