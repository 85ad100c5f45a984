"""Members can leave, think better of it, and are then let in no more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import select

from guildhall.entrypoints.wiring import WIRING
from guildhall.identity import deletion
from guildhall.identity.errors import LastAdmin
from guildhall.identity.models import ActiveSession, Device
from guildhall.infra.hall import Hall
from guildhall.infra.tokens import Tokens
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import Person
from tests.identity.leaving import (
    GRACE,
    KEEP,
    ME,
    Settle,
    erase_due,
    erased,
)
from tests.identity.waiting import until_it_waits
from tests.world import Client, SettableClock


async def second_session(hall: Hall, who: Person) -> Person:
    """Sign somebody in once more, on the device that they have."""
    session_id, now = new_id(), hall.clock.now()
    async with hall.units.write() as uow:
        device_id = await uow.session.scalar(select(Device.id).where(Device.user_id == who.id))
        uow.session.add(
            ActiveSession(
                user_id=who.id,
                id=session_id,
                device_id=device_id,
                generation=0,
                rotated_at=now,
                created_at=now,
                expires_at=now + GRACE,
                authenticated_at=now,
            )
        )
    issued_at = int(now.timestamp())
    claims = {"sub": str(who.id), "sid": str(session_id), "iat": issued_at, "exp": issued_at + 60}
    return replace(who, token=Tokens(hall.endpoints.secret_key).sign("access", claims))


def letters_in(hall: Hall) -> list[str]:
    """Read the letters that the hall has put into its folder."""
    folder = hall.settings.hall.data_dir / "mail"
    return [path.read_text() for path in folder.iterdir()]


async def test_leaving_is_promised_for_the_end_of_the_grace_period(
    client: Client, member: Person, clock: SettableClock, owner: asyncpg.Connection
) -> None:
    mine = client.of(member)
    left = await mine.delete(ME)
    assert left.status_code == 202
    assert left.json()["erase_after"] == (clock.now() + GRACE).isoformat().replace("+00:00", "Z")
    assert left.json()["status"] == "active"
    clock.advance(seconds=60)
    assert (await mine.delete(ME)).json() == left.json()  # The first answer stands.
    assert (await mine.get(ME)).json()["erase_after"] == left.json()["erase_after"]
    acts = await owner.fetch("SELECT action FROM audit_log WHERE actor_id = $1", member.id)
    assert [act["action"] for act in acts] == ["deletion_asked"]


async def test_a_letter_says_that_one_is_leaving(
    client: Client, committed: Hall, member: Person, settle: Settle
) -> None:
    await client.of(member).delete(ME)
    await settle()
    written = [text for text in letters_in(committed) if member.username in text]
    assert len(written) == 1
    assert "28 May 2031 at 12:00 UTC" in written[0]
    await client.of(member).delete(ME)
    await settle()
    assert len([text for text in letters_in(committed) if member.username in text]) == 1


async def test_leaving_ends_all_other_sessions_at_once(
    client: Client, committed: Hall, member: Person
) -> None:
    elsewhere = await second_session(committed, member)
    assert (await client.of(elsewhere).get(ME)).status_code == 200
    await client.of(member).delete(ME)
    assert (await client.of(elsewhere).get(ME)).status_code == 401
    assert (await client.of(member).get(ME)).status_code == 200


async def test_leaving_needs_a_recent_proof_of_who_one_is(
    client: Client, member: Person, clock: SettableClock
) -> None:
    clock.advance(seconds=601)
    refused = await client.of(member).delete(ME)
    assert (refused.status_code, refused.json()["error"]) == (403, "reauthentication_required")


async def test_who_stays_after_all_is_not_erased(
    client: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    mine = client.of(member)
    await mine.delete(ME)
    clock.advance(seconds=GRACE.total_seconds() - 1)
    assert await erase_due(committed) == {"erased": 0}
    kept = await mine.post(KEEP)
    assert (kept.status_code, kept.json()["erase_after"]) == (200, None)
    assert (await mine.post(KEEP)).json() == kept.json()
    clock.advance(days=30)
    assert await erase_due(committed) == {"erased": 0}
    assert (await mine.get(ME)).json()["username"] == member.username


async def test_without_grace_the_next_run_erases(
    client: Client, committed: Hall, member: Person
) -> None:
    security = committed.settings.security.model_copy(update={"deletion_grace_days": 0})
    async with committed.units.write(member=member.id) as uow:
        await deletion.leave(uow, member.member, security)
    assert await erase_due(committed) == {"erased": 1}
    assert (await client.of(member).get(ME)).status_code == 401


async def test_the_last_admin_cannot_leave(client: Client, admin: Person) -> None:
    refused = await client.of(admin).delete(ME)
    assert (refused.status_code, refused.json()["error"]) == (409, "last_admin")


async def test_of_two_admins_who_leave_at_once_one_stays(committed: Hall, admin: Person) -> None:
    second = await factories.person(committed, role=Role.ADMIN)
    security = committed.settings.security

    async def leave(who: Person) -> None:
        async with committed.units.write(member=who.id) as uow:
            await deletion.leave(uow, who.member, security)

    async with committed.units.write(member=admin.id) as uow:
        await deletion.leave(uow, admin.member, security)
        other_one = asyncio.create_task(leave(second))
        await until_it_waits(committed, other_one)
    with pytest.raises(LastAdmin):
        await other_one


async def test_an_admin_who_is_leaving_does_not_count_for_the_others(
    client: Client, committed: Hall, admin: Person
) -> None:
    second = await factories.person(committed, role=Role.ADMIN)
    assert (await client.of(second).delete(ME)).status_code == 202
    refused = await client.of(admin).patch(f"/admin/users/{admin.id}", json={"role": "member"})
    assert (refused.status_code, refused.json()["error"]) == (409, "last_admin")


async def test_nothing_opens_for_who_was_erased(
    client: Client, committed: Hall, clock: SettableClock, member: Person, admin: Person
) -> None:
    mine = client.of(member)
    assert (await mine.get(ME)).status_code == 200  # The door remembers it.
    await erased(committed, client, clock, member)
    assert (await mine.get(ME)).status_code == 401
    assert (await mine.post(KEEP)).status_code == 401
    admins = client.of(await factories.person(committed, role=Role.ADMIN))
    revived = await admins.patch(f"/admin/users/{member.id}", json={"status": "active"})
    assert (revived.status_code, revived.json()["error"]) == (404, "user_not_found")


async def test_name_and_address_are_free_again(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    await erased(committed, client, clock, member)
    body = {
        "username": member.username,
        "email": f"{member.username}@example.org",
        "password": "a long and unlikely one",
    }
    again = await client.post("/auth/register", json=body)
    assert again.status_code in (201, 202), again.text


def test_the_scheduler_erases_every_hour() -> None:
    every = {task.name: task.every for task in WIRING.tasks}
    assert every["identity.erase_due"] == every["identity.tidy_exports"] == timedelta(hours=1)
