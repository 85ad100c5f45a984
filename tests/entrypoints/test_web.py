"""The web app as the API process serves it: what was built, that alone, and in nobody's way."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from guildhall.entrypoints.web import WebApp, web_route
from tests.infra.test_http import problem
from tests.world import Client

SCRIPT = b"export const hall = 'a hall';" * 40
PAGE = b"<!doctype html><title>Hall</title><script>one()</script><div id=hall></div>"
BR = b"stands for the same in Brotli"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What a build leaves."""
    folder = tmp_path / "web_static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "assets" / "main-Abc123.js").write_bytes(SCRIPT)
    (folder / "assets" / "main-Abc123.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "main-Abc123.js.br").write_bytes(BR)
    (folder / "assets" / "face-Abc123.woff2").write_bytes(b"wOF2")
    (folder / "seal.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("not of the app")
    return folder


@pytest_asyncio.fixture
async def web(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=[web_route(WebApp(built))]))
    async with httpx.AsyncClient(transport=transport, base_url="http://hall") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/sign-in", "/goals/any/plan", "/verify-email", "/a/b/"])
async def test_every_room_is_the_same_page(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.get(path)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_the_page_runs_its_own_inline_script_and_no_other(web: httpx.AsyncClient) -> None:
    policy = (await web.get("/")).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert re.search(r"script-src 'self' 'sha256-[A-Za-z0-9+/]{43}=';", policy)


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", BR),
        ("gzip", "gzip", SCRIPT),
        ("br;q=0, gzip;q=0.5", "gzip", SCRIPT),
        ("identity", None, SCRIPT),
        ("", None, SCRIPT),
        ("br;q=0.0", None, SCRIPT),
    ],
)
async def test_a_script_comes_as_its_reader_takes_it_and_is_kept_for_ever(
    web: httpx.AsyncClient, accepted: str, encoding: str | None, body: bytes
) -> None:
    async with web.stream(
        "GET", "/assets/main-Abc123.js", headers={"Accept-Encoding": accepted}
    ) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert int(answer.headers["content-length"]) == len(raw)
    assert (gzip.decompress(raw) if encoding == "gzip" else raw) == body


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/assets/face-Abc123.woff2", "font/woff2"), ("/seal.svg", "image/svg+xml")],
)
async def test_files_say_what_they_are(web: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await web.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


async def test_who_has_it_already_is_told_so(web: httpx.AsyncClient) -> None:
    tags = set()
    for encoding in ("br", "gzip", "identity"):
        accepted = {"Accept-Encoding": encoding}
        path = "/assets/main-Abc123.js"
        tag = (await web.head(path, headers=accepted)).headers["etag"]
        tags.add(tag)
        again = await web.get(path, headers={**accepted, "If-None-Match": f'"x", W/{tag}'})
        assert (again.status_code, again.content) == (304, b"")
        other = await web.head(path, headers={**accepted, "If-None-Match": '"x"'})
        assert other.status_code == 200
    assert len(tags) == 3


async def test_a_head_is_the_answer_without_its_body(web: httpx.AsyncClient) -> None:
    for path in ("/", "/seal.svg"):
        head, answer = await web.head(path), await web.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == answer.headers


@pytest.mark.parametrize(
    "path",
    ["/assets/other-Abc123.js", "/assets/", "/assets/none", "/favicon.ico", "/.env",
     "/assets/main-Abc123.js.br", "/seal.svg/x.png", "/room/../secret.txt", "/rooms//in", "/a;b"],
)  # fmt: skip
async def test_what_is_no_file_of_the_app_is_not_found(web: httpx.AsyncClient, path: str) -> None:
    assert (await web.get(path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt",
     "//secret.txt", "/..%5csecret.txt", "/%00secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt"],
)  # fmt: skip
async def test_no_path_leads_out_of_the_app(built: Path, path: str) -> None:
    """As raw as a socket would send it."""
    app = Starlette(routes=[web_route(WebApp(built))])
    said = bytearray()

    async def send(message: dict[str, object]) -> None:
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        said.extend(body)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    url = httpx.URL("http://hall").copy_with(raw_path=path.encode())
    scope = {
        "type": "http",
        "method": "GET",
        "path": url.path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    await app(scope, receive, send)  # type: ignore[arg-type]  # the shape of ASGI
    assert said
    assert b"not of the app" not in said


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_rooms_are_only_looked_at(web: httpx.AsyncClient, method: str) -> None:
    assert (await web.request(method, "/sign-in")).status_code == 404


async def test_without_a_build_the_hall_says_what_is_missing(tmp_path: Path) -> None:
    app = WebApp(tmp_path / "nothing")
    assert not app.is_built
    transport = httpx.ASGITransport(Starlette(routes=[web_route(app)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://hall") as client:
        answer = await client.get("/")
        assert answer.status_code == 200
        assert "its web app is missing" in answer.text
        assert "npm registry" in answer.text
        assert 'href="/docs"' in answer.text
        assert "script-src 'self' ;" in answer.headers["content-security-policy"]
        assert (await client.get("/assets/main.js")).status_code == 404


# In the hall


async def test_the_web_app_is_at_the_halls_address(client: Client) -> None:
    for path in ("/", "/sign-in", "/reset-password"):
        answer = await client.get(f"http://hall{path}")
        assert answer.status_code == 200
        policy = answer.headers.get_list("content-security-policy")
        assert len(policy) == 1
        assert "unsafe" not in policy[0]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/v1/nowhere", "/api/v2/users", "/API/v1/users/me", "//api/v1/users/me",
     "/docs/nowhere", "/health/nowhere", "/metrics/x"],
)  # fmt: skip
async def test_it_takes_nobody_elses_addresses(client: Client, path: str) -> None:
    problem(await client.get(f"http://hall{path}"), 404, "not_found")


async def test_it_stands_in_nobodys_way(client: Client) -> None:
    for path, kind in (
        ("/docs", "text/html"),
        ("/health", "application/json"),
        ("/metrics", "text/plain"),
        ("/api/v1/openapi.json", "application/json"),
    ):
        answer = await client.get(f"http://hall{path}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert 'id="hall"' not in answer.text[:5000]
    problem(await client.post("http://hall/sign-in"), 404, "not_found")
    assert (await client.request("PUT", "http://hall/health")).status_code == 405
