"""Requests are counted by route, whichever way they are answered."""

from __future__ import annotations

from prometheus_client import REGISTRY

from tests.factories import Person
from tests.world import Client


async def test_hot_routes_and_others_are_counted_under_their_own_paths(
    client: Client, member: Person
) -> None:
    for path in ("/progress/me", "/users/me"):
        labels = {"method": "GET", "route": path, "status": "200"}

        def answered(labels: dict[str, str] = labels) -> float:
            return REGISTRY.get_sample_value("guildhall_http_requests_total", labels) or 0

        before = answered()
        assert (await client.of(member).get(path)).status_code == 200
        assert answered() == before + 1
