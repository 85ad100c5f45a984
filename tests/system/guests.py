"""Members as clients over HTTP, who keep a log of what they were promised."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from guildhall import identity
from tests.system.running_hall import PASSWORD, RunningHall

PATIENCE_SECONDS = 60
TRY_AGAIN_SECONDS = 0.1


class Promises:
    """The acknowledgements of a hall, on disk before anything else is done."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self.kept: set[str] = set()

    def note(self, promise: str) -> None:
        self._file.write(f"{promise}\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.kept.add(promise)

    def close(self) -> None:
        self._file.close()


@dataclass
class Guest:
    """A signed-in client. Asks again until there is an answer, as a good client does."""

    client: httpx.AsyncClient
    username: str
    id: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    unanswered: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> tuple[httpx.Response, bool]:
        """Ask until there is an answer that is not "unavailable".

        Tells besides whether an earlier try may have had an effect that nobody heard of.
        """
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        doubtful = False
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    answer = await self.client.request(
                        method, f"/api/v1{path}", json=body, headers=headers
                    )
                except httpx.TransportError as error:
                    self.unanswered += not isinstance(error, httpx.ConnectError)
                    doubtful |= not isinstance(error, httpx.ConnectError)
                else:
                    if answer.status_code != 503:
                        if answer.status_code >= 500:
                            self.faults.append(f"{method} {path}: {answer.text}")
                            doubtful = True
                        else:
                            return answer, doubtful
                    self.refused += 1
                    doubtful = True
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def get(self, path: str) -> Any:
        answer, _ = await self.ask("GET", path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def post(self, path: str, body: Any = None, *, expect: int) -> Any:
        answer, _ = await self.ask("POST", path, body)
        assert answer.status_code == expect, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def register(self) -> None:
        answer, doubtful = await self.ask(
            "POST",
            "/auth/register",
            {
                "username": self.username,
                "email": f"{self.username}@example.org",
                "password": PASSWORD,
            },
        )
        assert answer.status_code == 201 or doubtful, answer.text
        await self.login()

    async def login(self) -> dict[str, Any]:
        tokens: dict[str, Any] = await self.post(
            "/auth/login", {"login": self.username, "password": PASSWORD}, expect=200
        )
        self.headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        self.id = (await self.get("/users/me"))["id"]
        return tokens

    async def submit(self, challenge_id: str, answer: str, promises: Promises) -> str:
        """Start an attempt and hand in an answer, surely; give the attempt's id.

        What got no answer is looked up, and handed in again if it did not arrive. Every other
        member repeats with an `Idempotency-Key` instead, and must hear what the first was told.
        """
        attempt = await self.post(f"/challenges/{challenge_id}/attempts", expect=201)
        attempt_id: str = attempt["id"]
        key = str(uuid4()) if self.username[-1] in "02468" else None
        said, doubtful = await self.ask(
            "POST", f"/attempts/{attempt_id}/submit", {"answer": answer}, key=key
        )
        if said.status_code != 202:
            assert doubtful, f"refused without a reason: {said.status_code} {said.text}"
            assert key is None, f"another answer to the same key: {said.status_code} {said.text}"
            seen = await self.get(f"/attempts/{attempt_id}")
            assert seen["status"] != "started", said.text
        promises.note(attempt_id)
        return attempt_id


async def admin_of(hall: RunningHall, client: httpx.AsyncClient) -> Guest:
    """Open an admin's account behind the API and sign in."""
    admin = Guest(client, f"warden-{secrets.token_hex(4)}")
    async with hall.opened() as inside, inside.units.write() as uow:
        await identity.create_admin(
            uow,
            identity.PasswordPolicy(identity.BannedPasswords(None)),
            identity.Register(
                username=admin.username, email=f"{admin.username}@example.org", password=PASSWORD
            ),
        )
    await admin.login()
    return admin


async def publish_flag(admin: Guest, flag: str, xp: int, domain: str | None = None) -> str:
    """Write and publish a challenge that asks for a secret; give its id."""
    draft = await admin.post(
        "/challenges",
        {
            "title": f"Find {xp}",
            "description": "It is where you left it.",
            "xp": xp,
            "difficulty": "easy",
            "domain": domain,
            "grader": {"type": "flag", "flag": flag},
        },
        expect=201,
    )
    await admin.post(f"/challenges/{draft['id']}/publish", expect=200)
    return str(draft["id"])
