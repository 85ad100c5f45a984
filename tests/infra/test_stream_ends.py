"""Live streams end when what they came in with does: the session, or a token's own end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from guildhall.infra import streams as streams_module
from guildhall.infra import tickets
from guildhall.infra.door import Credential, Kind, forget_session
from guildhall.infra.hall import Hall
from guildhall.infra.streams import tell_member
from tests.factories import Person
from tests.infra.serving import Served, served
from tests.infra.test_streams import WAYS, by_events
from tests.world import NOON, SettableClock


@pytest_asyncio.fixture
async def live(committed: Hall, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """A hall whose streams are checked when they are told to, and not now and then."""
    monkeypatch.setattr(streams_module, "CHECK_SECONDS", 3600)
    async with served(committed) as hall:
        yield hall


async def check(hall: Hall, person: Person) -> None:
    """Have the streams of a session ask for it again, as they do now and then."""
    await forget_session(hall.redis, [person.member.session_id])


async def foreign_ticket(hall: Hall, person: Person, minutes: int) -> str:
    """Make a ticket for a stream with a token that ends in so many minutes, as issuers' do."""
    ends = {"exp": (NOON + timedelta(minutes=minutes)).timestamp()}
    shown = Credential(Kind.SESSION, person.member.session_id, person.id, b"", ends)
    return await tickets.issue(hall.redis, shown)


@WAYS
async def test_a_stream_ends_when_its_session_has_run_out(
    live: Served, committed: Hall, clock: SettableClock, member: Person, way: Any
) -> None:
    async with way(live, member) as listener:
        assert (await listener.hears())[0] == "hello"
        clock.advance(days=365)
        await check(committed, member)
        await tell_member(committed.redis, member.id, "still here", None)
        assert (await listener.hears())[0] == "still here"
        clock.advance(days=2)
        await check(committed, member)
        assert await listener.hears() == ("ended", {"reason": "session_ended"})
        assert await listener.hears() == ("over", None if way is by_events else 4001)


@WAYS
async def test_of_two_tokens_for_one_identity_each_ends_its_own_streams(
    live: Served, committed: Hall, clock: SettableClock, member: Person, way: Any
) -> None:
    sooner, later = [await foreign_ticket(committed, member, minutes) for minutes in (5, 10)]
    async with (
        way(live, member, ticket=later) as lasting,
        way(live, member, ticket=sooner) as ending,
    ):
        for listener in (lasting, ending):
            assert (await listener.hears())[0] == "hello"
        clock.advance(minutes=5)
        await check(committed, member)
        assert await ending.hears() == ("ended", {"reason": "token_expired"})
        assert await ending.hears() == ("over", None if way is by_events else 4001)
        await tell_member(committed.redis, member.id, "still here", None)
        assert (await lasting.hears())[0] == "still here"
        clock.advance(minutes=5)
        await check(committed, member)
        assert await lasting.hears() == ("ended", {"reason": "token_expired"})
