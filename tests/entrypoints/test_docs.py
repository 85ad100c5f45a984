"""The API's own page works in a hall without internet."""

from __future__ import annotations

import re

from tests.world import Client


async def test_the_docs_page_fetches_nothing_from_elsewhere(client: Client) -> None:
    page = await client.get("http://hall/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    addresses = re.findall(r'(?:src|href|url)(?:=|: )["\']([^"\']+)', page.text)
    assert len(addresses) >= 4
    for address in addresses:
        answer = await client.get(f"http://hall{address}")
        assert (answer.status_code, bool(answer.content)) == (200, True), address
