"""Conversations over a real WebSocket: what is proposed happens by the member's yes, once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
import websockets
from sqlalchemy import func, select
from websockets.asyncio.client import ClientConnection

from guildhall.ai.models import Turn
from guildhall.goals import interaction
from guildhall.goals.conversations import ANSWERED_WITHIN
from guildhall.goals.frames import TOLD
from guildhall.goals.models import Conversation, ConversationEntry, Goal, Task
from guildhall.infra import tickets
from guildhall.infra.hall import Hall
from guildhall.kernel.ids import new_id
from tests import factories
from tests.factories import Person
from tests.infra.serving import PATIENCE_SECONDS, Served, served
from tests.infra.test_streams import api_key
from tests.world import Client, SettableClock

Settle = Callable[[], Awaitable[None]]


@pytest_asyncio.fixture
async def live(committed: Hall) -> AsyncIterator[Served]:
    async with served(committed) as hall:
        yield hall


class Talker:
    """A member's program at its end of the socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, type_: str, **more: Any) -> None:
        await self.socket.send(json.dumps({"type": type_} | more))

    async def hears(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        TOLD.validate_python(frame)
        return frame

    async def hears_error(self) -> str:
        frame = await self.hears()
        assert frame["type"] == "error", frame
        assert frame["detail"]
        return str(frame["error"])

    async def closed(self) -> tuple[int | None, str | None]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason

    async def begins(self, text: str, **more: Any) -> dict[str, Any]:
        """Say something first; give the conversation."""
        await self.say("message", text=text, **more)
        begun = await self.hears()
        assert begun["type"] == "conversation", begun
        said = await self.hears()
        assert (said["by"], said["text"]) == ("member", text)
        return begun

    async def decides(self, verb: str, proposal: dict[str, Any]) -> dict[str, Any]:
        await self.say(verb, proposal_id=proposal["id"])
        return await self.hears()


@asynccontextmanager
async def talking(live: Served, person: Person, **headers: str) -> AsyncIterator[Talker]:
    shown = headers or {"Authorization": f"Bearer {person.token}"}
    url = live.socket_url.replace("/live", "/ai/interact")
    # Not compressed: a test means the sizes that it sends.
    async with websockets.connect(url, additional_headers=shown, compression=None) as socket:
        yield Talker(socket)


async def tasks_of(hall: Hall, person: Person) -> list[Task]:
    async with hall.units.read(member=person.id) as uow:
        found = await uow.session.scalars(
            select(Task).where(Task.user_id == person.id).order_by(Task.position)
        )
        return list(found)


async def number_of(hall: Hall, model: Any) -> int:
    async with hall.units.read() as uow:
        return await uow.session.scalar(select(func.count()).select_from(model)) or 0


async def test_a_goal_is_set_by_the_members_yes_and_not_before(
    live: Served, committed: Hall, member: Person, settle: Settle
) -> None:
    async with talking(live, member) as talker:
        begun = await talker.begins("I want to run ten kilometres in 12 weeks, 30 minutes a day")
        assert begun["answering"] is True
        await settle()
        answer = await talker.hears()
        assert (answer["by"], answer["answers"], answer["seq"]) == ("hall", 1, 2)
        assert (answer["provider"], answer["model"]) == ("offline", "rules")
        assert "offline" in answer["text"]
        assert answer["usage"] == {"input_tokens": 0, "output_tokens": 0, "estimated": False}
        [proposal] = answer["proposals"]
        today = member.member.local_day(committed.clock.now())
        assert proposal["change"] == {
            "kind": "new_goal",
            "title": "Run ten kilometres",
            "description": "",
            "deadline": str(today + timedelta(weeks=12)),
            "minutes_per_day": 30,
            "domain": None,
        }
        assert await number_of(committed, Goal) == 0
        decision = await talker.decides("confirm", proposal)
        assert (decision["type"], decision["state"], decision["seq"]) == (
            "decision", "confirmed", 3,
        )  # fmt: skip
        async with committed.units.read(member=member.id) as uow:
            goal = await uow.session.get_one(Goal, (member.id, UUID(decision["goal_id"])))
        assert (goal.title, goal.minutes_per_day) == ("Run ten kilometres", 30)
        await talker.say("confirm", proposal_id=proposal["id"])
        assert await talker.hears_error() == "proposal_decided"
        await talker.say("decline", proposal_id=proposal["id"])
        assert await talker.hears_error() == "proposal_decided"
        assert await number_of(committed, Goal) == 1


async def test_tasks_are_done_moved_and_reopened_by_talking_of_them(
    live: Served, committed: Hall, member: Person, settle: Settle, clock: SettableClock
) -> None:
    await factories.goal(committed, member.member, deadline=date(2031, 6, 20))
    await settle()
    first, second = [task for task in await tasks_of(committed, member) if task.scheduled_on][:2]
    async with talking(live, member) as talker:
        await talker.begins("What is for today?")
        await settle()
        answer = await talker.hears()
        assert answer["proposals"] == []
        for words, changed in (
            (f"I am done with {first.title}", {first.id: "done"}),
            (f"reopen {first.title}", {first.id: "open"}),
            (f"I missed {first.title}", {first.id: "missed"}),
        ):
            await talker.say("message", text=words)
            await talker.hears()
            await settle()
            answer = await talker.hears()
            assert len(answer["proposals"]) == 1, (words, answer)
            [proposal] = answer["proposals"]
            before = {task.id: task.status for task in await tasks_of(committed, member)}
            decision = await talker.decides("confirm", proposal)
            assert decision["task_ids"] == [str(first.id)]
            after = {task.id: task.status for task in await tasks_of(committed, member)}
            assert after == before | changed
        await talker.say("message", text=f"move {second.title} to 2031-06-19")
        await talker.hears()
        await settle()
        [proposal] = (await talker.hears())["proposals"]
        assert (await talker.decides("confirm", proposal))["state"] == "confirmed"
        [moved] = [t for t in await tasks_of(committed, member) if t.id == second.id]
        assert moved.scheduled_on == date(2031, 6, 19)
        clock.advance(days=1)
        await talker.say("message", text="find new days for what I missed")
        await talker.hears()
        await settle()
        [proposal] = (await talker.hears())["proposals"]
        assert proposal["change"]["kind"] == "new_days"
        assert (await talker.decides("confirm", proposal))["state"] == "confirmed"
        assert "missed" not in {task.status for task in await tasks_of(committed, member)}


async def test_a_proposal_that_no_longer_fits_is_refused_and_changes_nothing(
    live: Served, client: Client, committed: Hall, member: Person, settle: Settle,
    clock: SettableClock,
) -> None:  # fmt: skip
    await factories.goal(committed, member.member, deadline=date(2031, 6, 20))
    task = (await tasks_of(committed, member))[0]
    async with talking(live, member) as talker:
        await talker.begins(f"done with {task.title}")
        await settle()
        [stale] = (await talker.hears())["proposals"]
        answer = await client.of(member).patch(f"/tasks/{task.id}", json={"status": "missed"})
        assert answer.status_code == 200
        refused = await talker.decides("confirm", stale)
        assert (refused["state"], refused["error"]) == ("refused", "proposal_stale")
        assert (await tasks_of(committed, member))[0].status == "missed"
        await talker.say("confirm", proposal_id=stale["id"])
        assert await talker.hears_error() == "proposal_decided"
        await talker.say("message", text=f"reopen {task.title}")
        await talker.hears()
        await settle()
        [declined] = (await talker.hears())["proposals"]
        assert (await talker.decides("decline", declined))["state"] == "declined"
        await talker.say("message", text=f"reopen {task.title}")
        await talker.hears()
        await settle()
        [old] = (await talker.hears())["proposals"]
        clock.advance(hours=24)
        await talker.say("confirm", proposal_id=old["id"])
        assert await talker.hears_error() == "proposal_expired"
        assert (await tasks_of(committed, member))[0].status == "missed"


async def test_of_many_who_confirm_at_once_one_does(
    live: Served, committed: Hall, member: Person, settle: Settle
) -> None:
    async with talking(live, member) as first, talking(live, member) as second:
        begun = await first.begins("I want to learn to juggle")
        await settle()
        [proposal] = (await first.hears())["proposals"]
        await second.say("resume", conversation_id=begun["id"], after_seq=2)
        await second.hears()
        for _ in range(3):
            for talker in (first, second):
                await talker.say("confirm", proposal_id=proposal["id"])
        for talker in (first, second):
            # Each hears of the one decision, and of three questions at least two are refused.
            kinds = [(await talker.hears())["type"] for _ in range(3)]
            assert kinds.count("decision") == 1, kinds
        assert await number_of(committed, Goal) == 1


async def test_what_was_missed_is_told_once_to_who_comes_back(
    live: Served, committed: Hall, member: Person, settle: Settle
) -> None:
    async with talking(live, member) as talker:
        begun = await talker.begins("hello", client_id="a-1")
    await settle()  # Nobody is connected when the answer comes.
    async with talking(live, member) as talker:
        await talker.say("resume", conversation_id=begun["id"], after_seq=1)
        resumed = await talker.hears()
        assert (resumed["id"], resumed["seq"], resumed["answering"]) == (begun["id"], 2, False)
        answer = await talker.hears()
        assert (answer["seq"], answer["by"], answer["answers"]) == (2, "hall", 1)
        await talker.say("message", text="what is for today")
        assert (await talker.hears())["seq"] == 3
        await settle()
        assert (await talker.hears())["seq"] == 4
    async with talking(live, member) as talker:
        await talker.say("resume", conversation_id=begun["id"], after_seq=0)
        assert [(await talker.hears()).get("seq") for _ in range(5)] == [4, 1, 2, 3, 4]
    # The same again, over a connection that knows of no conversation: it is there already.
    async with talking(live, member) as talker:
        again = await talker.begins("hello", client_id="a-1")
        assert again["id"] == begun["id"]
        assert [(await talker.hears())["seq"] for _ in range(3)] == [2, 3, 4]
    await settle()
    assert await number_of(committed, ConversationEntry) == 4
    assert await number_of(committed, Turn) == 2


async def test_one_answer_is_under_way_at_a_time_and_can_be_stopped(
    live: Served, committed: Hall, member: Person, settle: Settle
) -> None:
    async with talking(live, member) as talker:
        await talker.say("stop")
        assert await talker.hears_error() == "conversation_not_found"
        await talker.begins("I want to juggle")
        await talker.say("message", text="and to sing")
        assert await talker.hears_error() == "answer_under_way"
        await talker.say("stop")
        stopped = await talker.hears()
        assert (stopped["type"], stopped["reason"], stopped["answers"]) == (
            "interrupted", "stopped", 1,
        )  # fmt: skip
        await talker.say("stop")
        assert await talker.hears_error() == "nothing_under_way"
        await settle()
        assert await number_of(committed, Turn) == 0  # Nobody was asked for it.
        await talker.say("message", text="what is for today")
        assert (await talker.hears())["seq"] == 3
        await settle()
        assert (await talker.hears())["answers"] == 3


async def test_an_answer_that_nobody_gave_is_said_to_be_lost(
    live: Served, committed: Hall, member: Person, clock: SettableClock
) -> None:
    async with talking(live, member) as talker:
        begun = await talker.begins("hello")
    clock.advance(seconds=ANSWERED_WITHIN.total_seconds())
    async with talking(live, member) as talker:
        await talker.say("resume", conversation_id=begun["id"], after_seq=1)
        assert (await talker.hears())["answering"] is False
        lost = await talker.hears()
        assert (lost["type"], lost["reason"], lost["answers"]) == ("interrupted", "lost", 1)
        await talker.say("message", text="once more")
        assert (await talker.hears())["seq"] == 3


async def test_what_belongs_to_another_is_not_there(
    live: Served, committed: Hall, member: Person, other: Person, settle: Settle
) -> None:
    async with talking(live, other) as theirs, talking(live, member) as mine:
        begun = await theirs.begins("I want to juggle", client_id="same")
        await mine.say("resume", conversation_id=begun["id"])
        assert await mine.hears_error() == "conversation_not_found"
        await settle()
        [proposal] = (await theirs.hears())["proposals"]
        own = await mine.begins("I want to sing", client_id="same")
        assert own["id"] != begun["id"]
        await settle()
        await mine.hears()
        for verb in ("confirm", "decline"):
            await mine.say(verb, proposal_id=proposal["id"])
            assert await mine.hears_error() == "proposal_not_found"
            await mine.say(verb, proposal_id=str(new_id()))
            assert await mine.hears_error() == "proposal_not_found"
        assert await number_of(committed, Goal) == 0


async def test_a_proposal_is_decided_on_in_its_own_conversation(
    live: Served, committed: Hall, member: Person, settle: Settle
) -> None:
    async with talking(live, member) as one, talking(live, member) as another:
        await one.begins("I want to juggle")
        await another.begins("hello")
        await settle()
        [proposal] = (await one.hears())["proposals"]
        await another.hears()
        for verb in ("confirm", "decline"):
            await another.say(verb, proposal_id=proposal["id"])
            assert await another.hears_error() == "proposal_not_found"
        assert await number_of(committed, Goal) == 0
        assert (await one.decides("confirm", proposal))["state"] == "confirmed"


async def test_nothing_that_is_said_breaks_the_connection(live: Served, member: Person) -> None:
    async with talking(live, member) as talker:
        for said, error in (
            ("nonsense", "not_json"),
            ("", "not_json"),
            (b'{"type": "ping"}', "not_text"),
            (b"\xff\xfe", "not_text"),
            ("[" * 10_000, "not_json"),
            ("[]", None),
            ("null", None),
            ('{"type": "subscribe"}', "type_unknown"),
            ('{"type": ["ping"]}', "type_unknown"),
            ('{"text": "hello"}', "type_unknown"),
            ('{"type": "message"}', "frame_invalid"),
            ('{"type": "message", "text": "   "}', "frame_invalid"),
            ('{"type": "message", "text": "a\\u0000b"}', "frame_invalid"),
            ('{"type": "message", "text": "a", "user_id": "x"}', "frame_invalid"),
            (json.dumps({"type": "message", "text": "x" * 4_001}), "frame_invalid"),
            ('{"type": "message", "text": "\\ud800"}', None),
            ('{"type": "confirm", "proposal_id": "1"}', "frame_invalid"),
            ('{"type": "resume", "conversation_id": 5, "after_seq": -1}', "frame_invalid"),
        ):
            await talker.socket.send(said)
            heard = await talker.hears_error()
            assert error is None or heard == error, said
        await talker.say("ping")
        assert (await talker.hears())["type"] == "pong"


@pytest.mark.parametrize("size", [16_385, 1_000_000])
async def test_a_message_too_large_closes_the_socket(
    live: Served, member: Person, size: int
) -> None:
    async with talking(live, member) as talker:
        text = json.dumps({"type": "message", "text": "x" * size})
        with contextlib.suppress(websockets.ConnectionClosed):  # It may be closed half way.
            await talker.socket.send(text)
        assert (await talker.closed())[0] == 1009


async def test_the_hundred_and_first_message_is_refused(live: Served, member: Person) -> None:
    async with talking(live, member) as talker:
        for _ in range(interaction.MOST_MESSAGES):
            await talker.say("stop")
            assert await talker.hears_error() == "conversation_not_found"
            await talker.say("ping")
            assert (await talker.hears())["type"] == "pong"
        await talker.say("stop")
        assert await talker.closed() == (4029, "too_many_messages")


async def refusal(live: Served, query: str = "", **headers: str) -> tuple[int, str]:
    url = live.socket_url.replace("/live", "/ai/interact") + query
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(url, additional_headers=headers):
            pass
    answer = refused.value.response
    return answer.status_code, json.loads(answer.body or b"{}").get("error", "")


async def test_a_stolen_used_or_old_ticket_or_token_opens_nothing(
    live: Served, client: Client, committed: Hall, member: Person
) -> None:
    assert await refusal(live) == (401, "not_signed_in")
    bearer = {"Authorization": f"Bearer {member.token[:-4]}AAAA"}
    assert await refusal(live, **bearer) == (401, "token_invalid")
    ticket = (await client.of(member).post("/auth/tickets")).json()["ticket"]
    url = live.socket_url.replace("/live", "/ai/interact") + f"?ticket={ticket}"
    async with websockets.connect(url) as socket:
        talker = Talker(socket)
        await talker.say("ping")
        assert (await talker.hears())["type"] == "pong"
    assert await refusal(live, f"?ticket={ticket}") == (401, "ticket_invalid")
    old = (await client.of(member).post("/auth/tickets")).json()["ticket"]
    await committed.redis.delete(tickets._key(old))
    assert await refusal(live, f"?ticket={old}") == (401, "ticket_invalid")
    reads = await api_key(committed, member, "goals:read", "identity:read", "identity:write")
    assert await refusal(live, **reads) == (403, "scope_missing")
    writes = await api_key(committed, member, "goals:write")
    async with talking(live, member, **writes) as talker:
        await talker.begins("hello")


async def test_a_conversation_ends_with_its_session(
    live: Served, client: Client, member: Person
) -> None:
    async with talking(live, member) as talker:
        await talker.begins("hello")
        assert (await client.of(member).post("/auth/logout")).status_code in {200, 204}
        assert await talker.closed() == (4001, "session_ended")


async def test_an_open_conversation_holds_no_connection_to_the_database(
    live: Served, committed: Hall, member: Person, settle: Settle
) -> None:
    async with talking(live, member) as talker:
        await talker.begins("hello")
        await settle()
        await talker.hears()
        database = committed.database
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        async with committed.units.read(member=member.id) as uow:
            [found] = (await uow.session.scalars(select(Conversation))).all()
        assert (found.answering, found.last_seq) == (None, 2)


LONG_AGO = """
INSERT INTO conversation_entries (user_id, conversation_id, seq, kind, frame, created_at)
SELECT $1, $2, n, 'said', jsonb_build_object('type', 'message', 'by', 'member', 'seq', n,
    'text', repeat('x', $4), 'client_id', NULL, 'at', now()), now()
FROM generate_series(1, $3::int) n
"""


async def long_conversation(
    owner: asyncpg.Connection, person: Person, entries: int, letters: int
) -> str:
    conversation_id = new_id()
    await owner.execute(
        "INSERT INTO conversations (user_id, id, last_seq, created_at, updated_at)"
        " VALUES ($1, $2, $3, now(), now())",
        person.id,
        conversation_id,
        entries,
    )
    await owner.execute(LONG_AGO, person.id, conversation_id, entries, letters)
    return str(conversation_id)


async def test_a_long_conversation_is_told_whole_and_in_order(
    live: Served, member: Person, owner: asyncpg.Connection
) -> None:
    long = 3 * interaction.ENTRIES_AT_ONCE
    conversation_id = await long_conversation(owner, member, long, 10)
    async with talking(live, member) as talker:
        await talker.say("resume", conversation_id=conversation_id, after_seq=7)
        assert (await talker.hears())["seq"] == long
        heard = [(await talker.hears())["seq"] for _ in range(long - 7)]
        assert heard == list(range(8, long + 1))
        await talker.say("ping")
        assert (await talker.hears())["type"] == "pong"


async def test_who_does_not_read_is_let_go_and_holds_up_nobody(
    live: Served,
    member: Person,
    other: Person,
    owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("guildhall.infra.http.streams.SEND_SECONDS", 0.2)
    conversation_id = await long_conversation(owner, member, 5_000, 4_000)
    async with talking(live, member) as slow, talking(live, other) as good:
        streams = live.app.state.streams
        assert len(streams._all()) == 2
        await slow.say("resume", conversation_id=conversation_id)
        await good.begins("hello")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(streams._all()) == 2:  # noqa: ASYNC110  # there is no event to wait for
                await asyncio.sleep(0.01)
        await good.say("ping")
        assert (await good.hears())["type"] == "pong"
        slow.socket.transport.abort()
