"""An admin on a member's route is the admin only as far as they have shown it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from guildhall.entrypoints.api import create_app, furnish
from guildhall.infra.hall import Hall
from guildhall.infra.settings import HallSettings
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import Person
from tests.world import Client

TASKS = "/task-executions"


@pytest_asyncio.fixture
async def in_production(committed: Hall) -> AsyncIterator[Client]:
    """A client of a hall that asks its admins for a second factor."""
    settings = replace(
        committed.settings,
        hall=HallSettings(hall_mode="production", data_dir=committed.settings.hall.data_dir),
    )
    app = create_app(settings)
    furnish(app, replace(committed, settings=settings))
    async with Client(app) as client:
        yield client


@pytest_asyncio.fixture
async def task(client: Client, other: Person) -> str:
    """The address of a background task that somebody else has asked for."""
    asked = await client.of(other).post("/users/me/export")
    assert asked.status_code == 202, asked.text
    (found,) = (await client.of(other).get(TASKS)).json()["items"]
    return f"{TASKS}/{found['id']}"


async def key_of(client: Client, admin: Person, *scopes: str) -> dict[str, str]:
    body = {"name": "tests", "scopes": list(scopes)}
    made = await client.of(admin).post("/users/me/api-keys", json=body)
    assert made.status_code == 201, made.text
    return {"X-API-Key": made.json()["key"]}


async def sees(client: Client, task: str, headers: dict[str, str] | None = None) -> bool:
    """Tell whether somebody is shown another member's task, by list as by address."""
    listed = (await client.get(TASKS, headers=headers)).json()["items"]
    read = await client.get(task, headers=headers)
    assert (read.status_code == 200) is bool(listed)
    return bool(listed)


async def test_without_the_second_factor_that_the_hall_asks_for_an_admin_is_a_moderator(
    in_production: Client, committed: Hall, admin: Person, other: Person, task: str
) -> None:
    plain = in_production.of(admin)
    assert not await sees(plain, task)
    assert (await plain.post(f"{task}/cancel")).status_code == 404
    draft = await factories.challenge(committed, other.member, published=False)
    assert (await plain.get(f"/challenges/{draft.id}")).status_code == 200
    proven = await factories.person(committed, role=Role.ADMIN, second_factor=True)
    assert await sees(in_production.of(proven), task)


async def test_where_no_second_factor_is_asked_for_an_admin_is_one(
    client: Client, admin: Person, task: str
) -> None:
    assert await sees(client.of(admin), task)


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [(["operations:read"], False), (["operations:read", "admin:read"], True)],
)
async def test_an_admin_s_key_without_admins_scope_is_a_moderator_s(
    client: Client, admin: Person, task: str, scopes: list[str], seen: bool
) -> None:
    assert await sees(client, task, await key_of(client, admin, *scopes)) is seen


async def test_an_admin_s_key_that_may_only_read_changes_nothing_of_others(
    client: Client, admin: Person, task: str
) -> None:
    everything = ("operations:read", "operations:write")
    reader = await key_of(client, admin, *everything, "admin:read")
    assert await sees(client, task, reader)
    assert (await client.post(f"{task}/cancel", headers=reader)).status_code == 404
    writer = await key_of(client, admin, *everything, "admin:write")
    assert not await sees(client, task, writer)
    assert (await client.post(f"{task}/cancel", headers=writer)).status_code == 202
