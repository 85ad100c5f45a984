"""Values that a schema cannot rule out, or that no generator thinks of, on every route."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from guildhall.entrypoints.api import furnish
from guildhall.infra.hall import Hall
from guildhall.infra.settings import RateLimitSettings
from tests.factories import Person
from tests.world import Client

NASTY: list[Any] = [
    None,
    True,
    -1,
    2**31,
    2**63,
    2**64,
    10**300,
    1.5,
    1e308,
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "😀" * 50,
    "%s%n'; --",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00+23:59",
    "x" * 5000,
    "00000000-0000-0000-0000-000000000000",
    [],
    [[]],
    {},
    {"\ud800": 1},
]
RAW = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"xp": 1e999}',
    b'{"xp": ' + b"9" * 5000 + b"}",
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b"[" * 100_000,
]
ONES_OWN_END = {"/auth/logout"}


def _said(value: Any, *, quoted: bool = False) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.encode(errors="replace").decode()
    return quote(text, safe="") if quoted else text


@pytest.mark.parametrize("place", ["path", "query", "body", "raw"])
async def test_no_value_is_a_fault_of_the_hall(
    place: str, application: Any, committed: Hall, client: Client, admin: Person
) -> None:
    unlimited = RateLimitSettings(rate_limit_enabled=False)
    furnish(
        application, replace(committed, settings=replace(committed.settings, rate_limit=unlimited))
    )
    signed_in = client.of(admin)
    document = application.openapi()
    schemas = document["components"]["schemas"]
    asked, faults = 0, []

    async def ask(method: str, path: str, **request: Any) -> None:
        nonlocal asked
        asked += 1
        answer = await signed_in.request(method, path, **request)
        if answer.status_code >= 500:
            faults.append((method, path, str(request)[:200], answer.text[:200]))

    for path, operations in document["paths"].items():
        here = path.removeprefix("/api/v1")
        if here in ONES_OWN_END:
            continue
        for method, operation in operations.items():
            parameters = operation.get("parameters", [])
            somewhere = here
            for parameter in parameters:
                if parameter["in"] == "path":
                    somewhere = somewhere.replace(f"{{{parameter['name']}}}", str(admin.id))
            if place == "path" and somewhere != here:
                for value in NASTY:
                    before, _, after = here.partition("{")
                    await ask(method, before + _said(value, quoted=True) + after.partition("}")[2])
            if place == "query":
                for parameter in parameters:
                    if parameter["in"] == "query":
                        for value in NASTY:
                            query = {parameter["name"]: _said(value)}
                            await ask(method, somewhere, params=query)
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" not in content:
                continue
            reference = content["application/json"]["schema"].get("$ref", "")
            fields = schemas.get(reference.rpartition("/")[2], {}).get("properties", {})
            if place == "body":
                for name in fields or ("answer", "answers", "text"):
                    for value in NASTY:
                        await ask(
                            method,
                            somewhere,
                            content=json.dumps({name: value}),
                            headers={"Content-Type": "application/json"},
                        )
            if place == "raw":
                for raw in RAW:
                    await ask(
                        method,
                        somewhere,
                        content=raw,
                        headers={"Content-Type": "application/json"},
                    )
    assert asked > 100
    assert not faults, faults[:10]
