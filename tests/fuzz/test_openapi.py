"""Wrong input everywhere: a whole hall against what its own OpenAPI document says."""

from __future__ import annotations

import asyncio
import os
import random
import zlib
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from guildhall.entrypoints.api import create_app
from guildhall.infra.http.credentials import ADMIN_SECRET_HEADER
from guildhall.infra.settings import Settings
from tests.system.guests import Guest, admin_of, publish_flag
from tests.system.running_hall import RunningHall, running_hall

SEED = int(os.environ.get("SEED") or random.randrange(1 << 32))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

schema = schemathesis.openapi.from_dict(create_app(Settings.load()).openapi())
fuzzed = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)


@dataclass
class Playground:
    """A hall with something of everything in it, and people who use it."""

    hall: RunningHall
    admin: Guest
    member: Guest
    known: dict[str, dict[str, Any]]

    def headers(self, guest: Guest) -> dict[str, str]:
        """Give a guest's headers, after signing in again if a fuzzed request has signed it out."""
        with httpx.Client(base_url=f"{self.hall.url}/api/v1", timeout=10) as client:
            if client.get("/users/me", headers=guest.headers).status_code != 200:
                answer = client.post(
                    "/auth/login",
                    json={"login": guest.username, "password": "correct horse battery"},
                )
                assert answer.status_code == 200, answer.text
                guest.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return guest.headers


@pytest.fixture(scope="module")
def playground(request: pytest.FixtureRequest) -> Iterator[Playground]:
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print(f"\nfuzz: SEED={SEED}, {EXAMPLES} examples")  # noqa: T201
    with asyncio.Runner() as runner:
        opening = _open()
        yield runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@asynccontextmanager
async def _open() -> Any:
    async with (
        running_hall(ACCESS_TOKEN_SECONDS="86400") as hall,
        httpx.AsyncClient(base_url=hall.url, timeout=15) as client,
    ):
        admin, member = await admin_of(hall, client), Guest(client, "fuzzed")
        other = Guest(client, "another")
        await member.register()
        await other.register()
        challenge_id = await publish_flag(admin, "here", 10)
        attempt = await member.post(f"/challenges/{challenge_id}/attempts", expect=201)
        theirs = await other.post(f"/challenges/{challenge_id}/attempts", expect=201)
        badges = await admin.get("/badges")
        known = {
            "own": {"attempt_id": attempt["id"], "user_id": other.id},
            "other": {"attempt_id": theirs["id"], "user_id": admin.id},
        }
        for ids in known.values():
            ids |= {
                "challenge_id": challenge_id,
                "badge_id": badges["items"][0]["id"],
                "board": "global",
                "event_id": 1,
            }
        yield Playground(hall, admin, member, known)


def _ask(case: schemathesis.Case, playground: Playground, headers: dict[str, str]) -> None:
    """Send a case and check the answer. Every third one is about something that exists."""
    choice = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % 6
    if case.path_parameters and choice < 2:
        known = playground.known["own" if choice else "other"]
        case.path_parameters |= {
            name: value for name, value in known.items() if name in case.path_parameters
        }
    # A made-up secret would come before who asks: no admin would get in any more.
    case.headers.pop(ADMIN_SECRET_HEADER, None)
    case.call_and_validate(base_url=playground.hall.url, headers=headers, checks=CHECKS)


@pytest.fixture(autouse=True)
def _seed_shown(request: pytest.FixtureRequest) -> None:
    """Have a failure say how it can be had again."""
    request.node.add_report_section("setup", "seed", f"SEED={SEED} FUZZ_EXAMPLES={EXAMPLES}")


@schema.parametrize()
@hypothesis.seed(SEED)
@fuzzed
def test_an_admin_meets_no_fault_and_no_surprise(
    case: schemathesis.Case, playground: Playground, admin_headers: dict[str, str]
) -> None:
    _ask(case, playground, admin_headers)


@schema.parametrize()
@hypothesis.seed(SEED)
@fuzzed
def test_a_member_meets_no_fault_and_no_surprise(
    case: schemathesis.Case, playground: Playground, member_headers: dict[str, str]
) -> None:
    _ask(case, playground, member_headers)


@schema.parametrize()
@hypothesis.seed(SEED)
@hypothesis.settings(fuzzed, max_examples=3)
def test_a_stranger_meets_no_fault_and_no_surprise(
    case: schemathesis.Case, playground: Playground
) -> None:
    _ask(case, playground, {"X-Request-ID": str(uuid4())})


@pytest.fixture
def admin_headers(playground: Playground) -> dict[str, str]:
    return playground.headers(playground.admin)


@pytest.fixture
def member_headers(playground: Playground) -> dict[str, str]:
    return playground.headers(playground.member)
