"""The API's own page works in a hall without internet, and its document tells operations apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from guildhall.entrypoints.api import create_app
from guildhall.entrypoints.wiring import ROUTERS
from guildhall.infra.http.access import scopes_of
from guildhall.infra.settings import Settings
from tests.world import Client


@pytest.fixture
def document(settings: Settings) -> dict[str, Any]:
    return create_app(settings).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


async def test_the_docs_page_fetches_nothing_from_elsewhere(client: Client) -> None:
    page = await client.get("http://hall/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    addresses = re.findall(r'(?:src|href|url)(?:=|: )["\']([^"\']+)', page.text)
    assert len(addresses) >= 4
    for address in addresses:
        answer = await client.get(f"http://hall{address}")
        assert (answer.status_code, bool(answer.content)) == (200, True), address


@pytest.mark.parametrize("name", ["operationId", "summary"])
def test_no_two_operations_go_by_the_same_name(document: dict[str, Any], name: str) -> None:
    names = Counter(operation[name] for _, operation in operations(document))
    assert [each for each, times in names.items() if times > 1] == []


def test_every_operation_says_what_opens_it(document: dict[str, Any]) -> None:
    asked = set[str]()
    for where, operation in operations(document):
        ways = {scheme for way in operation.get("security", []) for scheme in way}
        assert ways <= set(document["components"]["securitySchemes"]), where
        scope = operation.get("x-scope")
        assert (scope is not None) == ("SessionCookie" in ways) == ("APIKeyHeader" in ways), where
        if scope is not None:
            asked.add(scope)
            assert ("CsrfToken" in ways) == scope.endswith(":write"), where
            assert ("AdminSecret" in ways) == scope.startswith("admin:"), where
    assert asked == scopes_of(ROUTERS)
