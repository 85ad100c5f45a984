"""Every route states who may use it, and means it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from sqlalchemy import select
from starlette.routing import WebSocketRoute

from guildhall.entrypoints import health
from guildhall.entrypoints.api import create_app
from guildhall.entrypoints.wiring import ROUTERS
from guildhall.goals.models import Rescheduling, Task
from guildhall.identity import rules
from guildhall.identity.models import ApiKey, Device, ExternalIdentity, Passkey
from guildhall.infra import tasks
from guildhall.infra.hall import Hall
from guildhall.infra.http.access import (
    Access,
    enter_admin,
    enter_member,
    enter_public,
    enter_socket,
)
from guildhall.infra.settings import Settings
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from guildhall.progression import service as progression
from guildhall.progression.schemas import PauseIn
from tests import factories
from tests.factories import Person
from tests.world import Client

ENTRANCES = {
    enter_public: Access.PUBLIC,
    enter_member: Access.MEMBER,
    enter_admin: Access.ADMIN,
}
# Operations of the machine room: they are asked by probes that have no account, and tell nothing
# of anybody.
UNGUARDED = {route.path for route in health.router.routes if isinstance(route, APIRoute)}

# Paths of members' routes by the kind of id in them; each is tried with somebody else's.
BODIES: dict[str, Any] = {
    "POST /attempts/{attempt_id}/submit": {"answer": "x"},
    "POST /attempts/{attempt_id}/review": {"score": 100},
    "PATCH /challenges/{challenge_id}": {"title": "Mine now"},
    "PATCH /goals/{goal_id}": {"title": "Mine now"},
    "POST /goals/{goal_id}/plan": {},
    "POST /goals/{goal_id}/plan/accept": {"version": 1},
    "POST /goals/{goal_id}/plan/decline": {"version": 1},
    "PATCH /goals/{goal_id}/milestones/{milestone_id}": {"challenges": []},
    "PATCH /tasks/{task_id}": {"status": "done"},
    "POST /tasks/{task_id}/activities": {"note": "Mine now"},
}


def routes_in(router: APIRouter) -> Iterator[APIRoute]:
    return (route for route in router.routes if isinstance(route, APIRoute))


def routes_of_the_hall() -> list[APIRoute]:
    return [
        route
        for slice_routers in ROUTERS
        for router in slice_routers
        for route in routes_in(router)
    ]


def levels_of(route: APIRoute) -> list[Access]:
    def walk(dependant: Dependant) -> Iterator[Any]:
        yield dependant.call
        for inner in dependant.dependencies:
            yield from walk(inner)

    return [ENTRANCES[call] for call in walk(route.dependant) if call in ENTRANCES]


def unstated(routes: list[APIRoute]) -> list[str]:
    """Find routes that do not state exactly one level of access."""
    return [
        f"{route.path}: {levels_of(route)}"
        for route in routes
        if route.path not in UNGUARDED and len(levels_of(route)) != 1
    ]


def strays(app: FastAPI) -> set[str]:
    """Find operations that the application documents, or serves, beside the access routers."""
    known = {f"/api/v1{route.path}" for route in routes_of_the_hall()}
    served = {route.path for route in app.routes if isinstance(route, APIRoute)}
    return (served | set(app.openapi()["paths"])) - known - UNGUARDED


def cases(*levels: Access) -> list[tuple[str, str]]:
    return [
        (method, route.path)
        for route in routes_of_the_hall()
        if levels_of(route)[0] in levels
        for method in sorted(route.methods)
    ]


def filled(path: str, ids: dict[str, object]) -> str:
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", str(value))
    assert "{" not in path, f"{path}: no example of its parameter; add one here"
    return path


NOBODYS = {
    name: new_id()
    for name in (
        "attempt_id", "badge_id", "challenge_id", "device_id", "execution_id", "identity_id",
        "goal_id", "key_id", "milestone_id", "passkey_id", "pause_id", "rescheduling_id",
        "session_id", "task_id", "user_id",
    )
} | {"event_id": 2**40, "board": "global", "domain": "nowhere", "provider": "nowhere"}  # fmt: skip


def test_every_route_states_one_level_of_access(settings: Settings) -> None:
    assert unstated(routes_of_the_hall()) == []
    assert strays(create_app(settings)) == set()


def test_the_law_of_access_sees_a_route_that_states_none(settings: Settings) -> None:
    async def open_to_all() -> None:
        return

    router = APIRouter()
    router.get("/secrets")(open_to_all)
    router.get("/twice", dependencies=[Depends(enter_public), Depends(enter_member)])(open_to_all)
    assert len(unstated(list(routes_in(router)))) == 2
    app = create_app(settings)
    app.include_router(router, prefix="/api/v1")
    assert strays(app) == {"/api/v1/secrets", "/api/v1/twice"}


def unguarded_sockets(routes: Iterable[Any]) -> list[str]:
    """Find WebSockets, which OpenAPI does not list, without the entrance of members."""
    return [
        route.path
        for route in routes
        if isinstance(route, WebSocketRoute)
        and not (
            isinstance(route, APIWebSocketRoute)
            and [inner.call for inner in route.dependant.dependencies].count(enter_socket) == 1
        )
    ]


def test_every_socket_has_the_entrance_of_members(settings: Settings) -> None:
    declared = [route for routers in ROUTERS for router in routers for route in router.routes]
    sockets = [route.path for route in declared if isinstance(route, WebSocketRoute)]
    assert sockets == ["/live", "/ai/interact"]
    assert unguarded_sockets([*declared, *create_app(settings).routes]) == []


def test_the_law_of_access_sees_a_socket_without_an_entrance(settings: Settings) -> None:
    async def talk(connection: WebSocket) -> None:
        await connection.accept()

    app = create_app(settings)
    app.router.routes.append(WebSocketRoute("/raw", talk))
    app.websocket("/open")(talk)
    assert unguarded_sockets(app.routes) == ["/raw", "/open"]


async def test_no_route_of_members_or_admins_opens_without_a_token(client: Client) -> None:
    for method, path in cases(Access.MEMBER, Access.ADMIN):
        answer = await client.request(method, filled(path, NOBODYS))
        assert (answer.status_code, answer.json()["error"]) == (401, "not_signed_in"), path
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
async def test_no_route_of_admins_opens_to_anybody_else(
    client: Client, committed: Hall, role: Role
) -> None:
    signed_in = client.of(await factories.person(committed, role=role))
    for method, path in cases(Access.ADMIN):
        answer = await signed_in.request(method, filled(path, NOBODYS))
        assert (answer.status_code, answer.json()["error"]) == (403, "admins_only"), path


async def test_what_belongs_to_another_member_is_not_found(
    client: Client, committed: Hall, member: Person, other: Person
) -> None:
    theirs = await belongings(committed, other)
    mine = client.of(member)
    tried = 0
    for method, path in cases(Access.MEMBER):
        if "_id}" not in path:
            continue
        body = BODIES.get(f"{method} {path}")
        answer = await mine.request(method, filled(path, theirs), json=body)
        assert answer.status_code == 404, f"{method} {path}: {answer.text}"
        tried += 1
    assert tried >= 15


async def test_what_belongs_to_oneself_is_found(
    client: Client, committed: Hall, other: Person
) -> None:
    """Guard the test above: its 404s come from the owner, not from the ids."""
    theirs = await belongings(committed, other)
    own = client.of(other)
    for path in (
        "/challenges/{challenge_id}",
        "/attempts/{attempt_id}",
        "/task-executions/{execution_id}",
        "/users/{user_id}/progress",
    ):
        assert (await own.get(filled(path, theirs))).status_code == 200, path
    for path in ("/progress/me/pauses/{pause_id}", "/users/me/devices/{device_id}"):
        assert (await own.delete(filled(path, theirs))).status_code == 204, path


async def belongings(hall: Hall, owner: Person) -> dict[str, object]:
    """Give somebody one of everything: a draft, an attempt, a pause, a task; off the boards."""
    draft = await factories.challenge(hall, owner.member, published=False)
    taken = await factories.attempt(hall, owner.member, await factories.challenge(hall))
    goal = await factories.goal(hall, owner.member)
    key_id, passkey_id = new_id(), new_id()
    async with hall.units.write() as uow:
        pause = await progression.add_pause(
            uow, owner.member, PauseIn(starts_on=date(2031, 5, 1), ends_on=date(2031, 5, 2))
        )
        await progression.show_on_boards(uow, owner.member, False)
        uow.session.add(
            ExternalIdentity(
                issuer="https://elsewhere.example",
                subject=str(owner.id),
                user_id=owner.id,
                created_at=uow.now,
                last_seen_at=uow.now,
            )
        )
        execution_id = await tasks.start(uow, "infra.probe", requested_by=owner.id)
        uow.session.add(
            Passkey(
                user_id=owner.id, id=passkey_id, credential_id=b"1", public_key=b"1", sign_count=0,
                name="phone", transports=[], created_at=uow.now,
            )
        )  # fmt: skip
        uow.session.add(
            ApiKey(
                user_id=owner.id, id=key_id, name="program", hint="", secret_hash=b"1", scopes=[],
                created_at=uow.now,
            )
        )  # fmt: skip
        device_id = await uow.session.scalar(select(Device.id).where(Device.user_id == owner.id))
        task = await uow.session.scalar(select(Task).where(Task.user_id == owner.id).limit(1))
        assert task is not None
        moved = Rescheduling(
            user_id=owner.id, id=new_id(), state="accepted", created_at=uow.now,
            layout={"moves": [], "unplaced": [], "optimal": True},
        )  # fmt: skip
        uow.session.add(moved)
    return {
        "attempt_id": taken.id,
        "challenge_id": draft.id,
        "device_id": device_id,
        "execution_id": execution_id,
        "goal_id": goal.id,
        "milestone_id": task.milestone_id,
        "rescheduling_id": moved.id,
        "task_id": task.id,
        "identity_id": rules.identity_id("https://elsewhere.example", str(owner.id)),
        "key_id": key_id,
        "passkey_id": passkey_id,
        "pause_id": pause.id,
        "session_id": owner.member.session_id,
        "user_id": owner.id,
    }
