"""Events reach each reader, in order, at least once, and one poisonous event stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from guildhall.infra import delivery, outbox
from guildhall.infra.claims import Claims
from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.delivery import Deliveries, Handler, Subscription
from guildhall.infra.hall import Hall, Wiring
from guildhall.infra.relay import EXPIRE, EXPIRE_TASKS, Relay
from guildhall.infra.settings import OutboxSettings
from guildhall.infra.tasks import TaskRunner
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.events import Event
from guildhall.kernel.ids import new_id
from tests.factories import Person
from tests.world import Client, SettableClock

MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Knocked(Event):
    name: ClassVar[str] = "tests.knocked.v1"
    number: int


class Listener:
    """A handler that writes down what it hears, and fails on what is poison to it."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.poison: set[int] = set()
        self.then: Handler | None = None

    async def hear(self, uow: UnitOfWork, events: Sequence[Knocked]) -> None:
        for event in events:
            if event.number in self.poison:
                raise ValueError(f"cannot stand {event.number}")
        self.heard += [event.number for event in events]
        if self.then is not None:
            await self.then(uow, events)


class Switchboard:
    """A broker that notes whom it is to call, or is away."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.away = False

    async def call(self, reader: str) -> None:
        if self.away:
            raise ConnectionError("the broker is away")
        self.calls.append(reader)

    async def publish_task(self, execution_id: UUID, queue: str, priority: int) -> None:
        raise AssertionError("no tasks here")


@dataclass
class House:
    """A small house with one event and one reader, driven by hand."""

    hall: Hall
    listener: Listener
    claims: Claims
    connection: asyncpg.Connection

    async def tell(self, *numbers: int, subject: UUID | None = None) -> None:
        async with self.hall.units.write() as uow:
            uow.emit(*(Knocked(subject_id=subject, occurred_at=uow.now, number=n) for n in numbers))

    async def claim(self) -> UUID | None:
        return await self.claims.claim("infra.hear")

    async def deliver(self, lease: UUID | None) -> int:
        assert lease is not None
        return (await self.hall.deliveries.deliver("infra.hear", lease))[0]

    async def states(self) -> list[tuple[int, str, int]]:
        rows = await self.connection.fetch(
            "SELECT (payload->>'number')::int, state, attempts FROM outbox_events ORDER BY id"
        )
        return [tuple(row) for row in rows]

    async def run(self, statement: str) -> None:
        await self.connection.execute(statement)

    @asynccontextmanager
    async def relaying(self, switchboard: Switchboard) -> AsyncIterator[None]:
        """Run a relay that calls for the reader at once, and looks five times a second."""
        relay = Relay(
            partial(asyncpg.connect, **asyncpg_arguments(self.hall.endpoints.database_url)),
            switchboard,
            {"infra.hear": 0.0},
            OutboxSettings(outbox_poll_seconds=0.2),
        )
        running = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


@pytest_asyncio.fixture
async def house(committed: Hall) -> AsyncIterator[House]:
    listener = Listener()

    async def hear(uow: UnitOfWork, events: Sequence[Any]) -> None:
        await listener.hear(uow, events)

    hear.__module__ = "tests.infra.listener"  # Its name in the outbox is `infra.hear`.
    wiring = Wiring([Subscription(Knocked, hear, "events")], [])
    units = UnitsOfWork(
        committed.database.sessions,
        committed.clock,
        wiring.readers,
        committed.redis,
        committed.cache,
        reach="",
    )
    claims = Claims(committed.database.claims, committed.settings.outbox)
    hall = replace(
        committed,
        wiring=wiring,
        units=units,
        deliveries=Deliveries(units, claims, wiring.subscriptions, max_attempts=MAX_ATTEMPTS),
        task_runner=TaskRunner(
            units, {}, post=committed.post, llm=committed.llm, settings=committed.settings
        ),
    )
    connection = await asyncpg.connect(**asyncpg_arguments(hall.endpoints.database_url))
    yield House(hall, listener, claims, connection)
    await connection.close()


async def test_what_is_told_is_heard_once_in_order(house: House) -> None:
    await house.tell(1, 2, 3, subject=new_id())
    lease = await house.claim()
    assert await house.deliver(lease) == 3
    assert await house.deliver(lease) == 0
    assert house.listener.heard == [1, 2, 3]
    assert [state for _, state, _ in await house.states()] == ["done"] * 3
    assert await house.claim() is None


async def test_what_is_told_in_a_transaction_that_fails_is_never_heard(house: House) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012  # what is tested is the block
        async with house.hall.units.write() as uow:
            uow.emit(Knocked(subject_id=None, occurred_at=uow.now, number=1))
            raise RuntimeError
    assert await house.states() == []


async def test_a_poisonous_event_is_parked_and_stops_only_its_own_subject(house: House) -> None:
    ill, well = new_id(), new_id()
    await house.tell(1, subject=well)
    await house.tell(13, subject=ill)
    await house.tell(14, subject=ill)
    await house.tell(2, subject=well)
    house.listener.poison = {13}
    assert await house.deliver(await house.claim()) == 2
    assert house.listener.heard == [1, 2]
    assert {n: s for n, s, _ in await house.states()} == {
        1: "done", 13: "waiting", 14: "waiting", 2: "done",
    }  # fmt: skip
    # While the first waits for its retry, the later one of its subject is passed over.
    await house.run(
        "UPDATE outbox_events SET available_at = now() + interval '1 hour' WHERE attempts > 0"
    )
    assert await house.claim() is None
    for _ in range(MAX_ATTEMPTS - 1):
        await house.run("UPDATE outbox_events SET available_at = now()")
        await house.deliver(await house.claim())
    await house.run("UPDATE outbox_events SET available_at = now()")
    assert (13, "parked", MAX_ATTEMPTS) in await house.states()
    assert await house.deliver(await house.claim()) == 1
    assert house.listener.heard == [1, 2, 14]
    error = await house.connection.fetchval(
        "SELECT error FROM outbox_events WHERE state = 'parked'"
    )
    assert error == "ValueError: cannot stand 13"


async def test_a_parked_event_is_replayed_by_an_admin(
    house: House, client: Client, admin: Person
) -> None:
    house.listener.poison = {13}
    await house.tell(13)
    for _ in range(MAX_ATTEMPTS):
        await house.run("UPDATE outbox_events SET available_at = now()")
        await house.deliver(await house.claim())
    chief = client.of(admin)
    (parked,) = (await chief.get("/admin/events", params={"state": "parked"})).json()["items"]
    path = f"/admin/events/{parked['id']}/replay"
    assert (await chief.post(path)).json()["state"] == "waiting"
    assert (await chief.get(f"/admin/events/{parked['id']}")).json()["state"] == "waiting"
    again = await chief.post(path)
    assert (again.status_code, again.json()["error"]) == (409, "event_not_parked")
    missing = await chief.post("/admin/events/999999999/replay")
    assert (missing.status_code, missing.json()["error"]) == (404, "event_not_found")
    house.listener.poison = set()
    await house.run("UPDATE outbox_events SET available_at = now()")
    await house.deliver(await house.claim())
    assert house.listener.heard == [13]


async def test_all_that_is_parked_of_one_handler_is_replayed_at_once(
    house: House, client: Client, admin: Person
) -> None:
    await house.tell(1, 2, 3)
    await house.run("UPDATE outbox_events SET state = 'parked', attempts = 3")
    await house.run("UPDATE outbox_events SET handler = 'infra.other' WHERE id % 3 = 0")
    chief = client.of(admin)
    query = {"handler": "infra.hear"}
    parked = (await chief.get("/admin/events", params=query)).json()["items"]
    assert len(parked) == 2
    answers = await asyncio.gather(
        *(chief.post("/admin/events/replay", json=query) for _ in range(8))
    )
    assert sorted(answer.json()["replayed"] for answer in answers) == [0] * 7 + [2]
    assert (await chief.get("/admin/events", params=query)).json()["items"] == []
    assert len((await chief.get("/admin/events")).json()["items"]) == 1
    await house.run("UPDATE outbox_events SET available_at = now()")
    await house.deliver(await house.claim())
    assert len(house.listener.heard) == 2
    log = await chief.get("/admin/audit-log", params={"action": "events_replayed"})
    assert [entry["details"] for entry in log.json()["items"]] == [query | {"events": 2}]


async def test_a_lease_that_ran_out_is_handed_over_again_and_the_late_worker_does_nothing(
    house: House,
) -> None:
    await house.tell(1, subject=new_id())
    late = await house.claim()
    assert await house.claim() is None
    await house.run("UPDATE outbox_events SET lease_until = now() - interval '1 s'")
    await house.connection.execute(EXPIRE, MAX_ATTEMPTS)
    fresh = await house.claim()
    assert fresh != late
    assert await house.deliver(late) == 0
    assert house.listener.heard == []
    assert await house.deliver(fresh) == 1
    assert house.listener.heard == [1]


async def test_two_workers_with_one_lease_handle_it_once(house: House) -> None:
    await house.tell(*range(20), subject=new_id())
    lease = await house.claim()
    done = await asyncio.gather(*(house.deliver(lease) for _ in range(5)))
    assert sorted(done) == [0, 0, 0, 0, 20]
    assert house.listener.heard == list(range(20))


async def test_what_a_handler_tells_is_handled_in_the_same_turn_without_a_call(
    house: House,
) -> None:
    async def answer(uow: UnitOfWork, events: Sequence[Knocked]) -> None:
        for event in events:
            if event.number < 3:
                uow.emit(replace(event, event_id=new_id(), number=event.number + 1))

    rung: list[str] = []
    await house.connection.add_listener(outbox.CHANNEL, lambda *notice: rung.append(notice[-1]))
    house.listener.then = answer
    await house.tell(1, subject=new_id())
    assert await house.hall.deliveries.work("infra.hear") == 3
    assert house.listener.heard == [1, 2, 3]
    await house.run("SELECT 1")  # What was rung has arrived by now.
    assert rung == ["infra.hear"]  # By `tell`, for which nobody was at work.


async def test_a_turn_ends_and_rings_for_what_is_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TURN_SECONDS", 0.0)
    await house.tell(1)
    rung = asyncio.Event()
    await house.connection.add_listener(outbox.CHANNEL, lambda *_: rung.set())
    assert await house.hall.deliveries.work("infra.hear") == 0
    async with asyncio.timeout(5):
        await rung.wait()
    assert await house.states() == [(1, "waiting", 0)]


async def test_claims_made_at_once_keep_each_subject_with_one_worker(house: House) -> None:
    subjects = [new_id() for _ in range(10)]
    for number in range(5):
        for subject in subjects:
            await house.tell(number, subject=subject)
    async with asyncpg.create_pool(
        **asyncpg_arguments(house.hall.endpoints.database_url), min_size=8, max_size=8
    ) as pool:
        claims = Claims(pool, OutboxSettings(outbox_batch_size=7))
        leases = await asyncio.gather(*(claims.claim("infra.hear") for _ in range(8)))
    assert sum(lease is not None for lease in leases) >= 2
    shared = await house.connection.fetch(
        "SELECT subject_id FROM outbox_events WHERE state = 'claimed'"
        " GROUP BY 1 HAVING count(DISTINCT lease_id) > 1"
    )
    assert shared == []


async def test_the_relay_calls_a_worker_when_something_is_told(house: House) -> None:
    switchboard = Switchboard()
    async with house.relaying(switchboard), asyncio.timeout(5):
        await house.tell(1)
        while not switchboard.calls:  # noqa: ASYNC110  # another task's list
            await asyncio.sleep(0)
    assert set(switchboard.calls) == {"infra.hear"}


async def test_a_broker_that_is_away_costs_no_event_and_no_attempt(house: House) -> None:
    switchboard = Switchboard()
    switchboard.away = True
    async with house.relaying(switchboard), asyncio.timeout(5):
        await house.tell(1)
        await asyncio.sleep(0)
        switchboard.away = False
        while not switchboard.calls:  # noqa: ASYNC110  # another task's list
            await asyncio.sleep(0)
    assert await house.states() == [(1, "waiting", 0)]


async def test_calls_that_nobody_answers_grow_rare(house: House) -> None:
    switchboard = Switchboard()
    await house.tell(1)
    async with house.relaying(switchboard), asyncio.timeout(10):
        while len(switchboard.calls) < 3:  # noqa: ASYNC110  # another task's list
            await asyncio.sleep(0)
        looks = "SELECT completed_at FROM heartbeats WHERE process = 'relay'"
        seen = {await house.connection.fetchval(looks)}
        while len(seen) < 5:
            seen.add(await house.connection.fetchval(looks))
            await house.tell(2)
    assert len(switchboard.calls) <= 4  # Five looks and many rings, one call at most.


async def test_an_event_that_waits_for_its_retry_slows_no_call_for_another(house: House) -> None:
    """It stands first in the row, and stays there; that is no sign that nobody works."""
    switchboard, ill = Switchboard(), new_id()
    house.listener.poison = {13}
    await house.tell(13, subject=ill)
    await house.tell(14, subject=ill)
    await house.deliver(await house.claim())
    await house.run(
        "UPDATE outbox_events SET available_at = now() + interval '1 h' WHERE attempts > 0"
    )
    looks = "SELECT completed_at FROM heartbeats WHERE process = 'relay'"
    async with house.relaying(switchboard), asyncio.timeout(10):
        seen = {await house.connection.fetchval(looks)}
        while len(seen) < 10:  # Long enough for calls to grow rare, if they did.
            seen.add(await house.connection.fetchval(looks))
        switchboard.calls.clear()
        await house.tell(2, subject=new_id())
        before = len(seen)
        while not switchboard.calls:
            seen.add(await house.connection.fetchval(looks))
    assert len(seen) - before <= 1


async def test_an_event_lost_twice_is_claimed_alone(house: House) -> None:
    await house.tell(1, 2, 3)
    for expected in (3, 3, 1):
        assert await house.claim() is not None
        claimed = "SELECT count(*) FROM outbox_events WHERE state = 'claimed'"
        assert await house.connection.fetchval(claimed) == expected
        await house.run("UPDATE outbox_events SET lease_until = now() - interval '1 s'")
        await house.connection.execute(EXPIRE, MAX_ATTEMPTS)


async def test_losses_are_no_failed_attempts(house: House) -> None:
    await house.tell(13)
    for _ in range(MAX_ATTEMPTS):
        await house.claim()
        await house.run("UPDATE outbox_events SET lease_until = now() - interval '1 s'")
        await house.connection.execute(EXPIRE, MAX_ATTEMPTS)
    house.listener.poison = {13}
    await house.deliver(await house.claim())
    assert await house.states() == [(13, "waiting", 1)]


async def test_a_connection_lost_while_idle_costs_no_lease(house: House) -> None:
    await house.tell(1)
    lease = await house.claim()
    await house.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'guildhall'"
    )
    assert await house.deliver(lease) == 1


async def test_an_event_told_by_a_fast_clock_is_due_at_once(
    house: House, clock: SettableClock
) -> None:
    async with house.hall.units.write() as uow:
        uow.emit(Knocked(subject_id=None, occurred_at=uow.now, number=1))
    assert clock.now() > datetime.now(UTC)
    assert await house.claim() is not None


async def test_a_turn_of_failures_ends_and_gives_back_the_rest(house: House) -> None:
    await house.tell(13, 14, 15)
    house.listener.poison = {13, 14, 15}
    lease = await house.claim()
    assert lease is not None
    await house.hall.deliveries.deliver("infra.hear", lease, turn_ends=0.0)
    assert await house.states() == [(n, "waiting", 0) for n in (13, 14, 15)]


async def test_a_lease_lost_too_often_parks_its_event(house: House) -> None:
    await house.tell(1)
    for _ in range(4 * MAX_ATTEMPTS):
        assert await house.claim() is not None
        await house.run("UPDATE outbox_events SET lease_until = now() - interval '1 s'")
        await house.connection.execute(EXPIRE, MAX_ATTEMPTS)
    assert await house.states() == [(1, "parked", 0)]


async def test_two_transactions_of_one_subject_keep_the_order_of_their_commits(
    house: House,
) -> None:
    """The second takes its number only after the first has committed."""
    subject = new_id()
    first_wrote, second_began = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with house.hall.units.write() as uow:
            event = Knocked(subject_id=subject, occurred_at=uow.now, number=1)
            await outbox.append(
                uow.session,
                [outbox.Told(event, timedelta())],
                house.hall.wiring.readers,
                now=uow.now,
                correlation_id=None,
            )
            first_wrote.set()
            await second_began.wait()
            # A condition of the server, which rings for nobody.
            while not await house.connection.fetchval(WAITS_FOR_SUBJECT):  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def second() -> None:
        await first_wrote.wait()
        second_began.set()
        await house.tell(2, subject=subject)

    async with asyncio.timeout(10):  # Without the lock the second never waits.
        await asyncio.gather(first(), second())
    assert [number for number, _, _ in await house.states()] == [1, 2]


WAITS_FOR_SUBJECT = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
)


async def test_a_subject_with_an_event_under_way_is_passed_over(house: House) -> None:
    subject = new_id()
    await house.tell(1, subject=subject)
    under_way = await house.claim()
    await house.tell(2, subject=subject)
    await house.tell(3, subject=new_id())
    other = await house.claim()
    assert await house.deliver(other) == 1
    assert house.listener.heard == [3]
    await house.deliver(under_way)
    await house.deliver(await house.claim())
    assert house.listener.heard == [3, 1, 2]


async def test_expired_tasks_are_sent_again_until_they_died_too_often(house: House) -> None:
    async with house.hall.units.write() as uow:
        await uow.session.execute(
            text(
                "INSERT INTO task_executions (id, name, arguments, queue, priority, state,"
                " attempts, max_attempts, available_at, created_at, lease_until,"
                " cancel_requested) VALUES"
                " (gen_random_uuid(), 'a', '{}', 'q', 1, 'running', 1, 2, now(), now(),"
                " now(), FALSE),"
                " (gen_random_uuid(), 'b', '{}', 'q', 1, 'running', 2, 2, now(), now(),"
                " now(), false),"
                " (gen_random_uuid(), 'c', '{}', 'q', 1, 'sent', 0, 2, now(), now(),"
                " now(), true)"
            )
        )
    await house.connection.execute(EXPIRE_TASKS)
    rows = await house.connection.fetch("SELECT state FROM task_executions ORDER BY name")
    assert [row[0] for row in rows] == ["queued", "failed", "cancelled"]
