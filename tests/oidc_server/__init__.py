"""An OIDC server that nobody here wrote: Canaille, as a process of its own over real HTTP.

It is set up with its own commands, and clients register with it as its documentation says
(RFC 7591). `Browser` does what a person does at its pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Self
from urllib.parse import urljoin

import httpx
from joserfc.jwk import RSAKey

__all__ = ["PASSWORD", "Browser", "OidcServer", "RegisteredClient", "running_oidc_server"]

CANAILLE = str(Path(sys.executable).with_name("canaille"))
PASSWORD = "correct horse battery staple"
CONFIGURATION = """
SECRET_KEY = "only for tests, and long enough for them 0123456789"
SERVER_NAME = "127.0.0.1:{port}"
PREFERRED_URL_SCHEME = "http"

[CANAILLE]
DATABASE = "sql"
ENABLE_PASSWORD_COMPROMISSION_CHECK = false

[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{folder}/canaille.sqlite"

[CANAILLE_OIDC]
DYNAMIC_CLIENT_REGISTRATION_OPEN = true
TRUSTED_DOMAINS = ""
ACTIVE_JWKS = [{{ {key} }}]
"""


@dataclass(frozen=True)
class RegisteredClient:
    """What the server knows of somebody who sends people to it."""

    id: str
    secret: str | None


@dataclass(frozen=True)
class OidcServer:
    """A running server."""

    url: str

    async def register(
        self, redirect_uri: str, auth_method: str = "client_secret_basic"
    ) -> RegisteredClient:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.post(
                "/oauth/register",
                json={
                    "client_name": "Guildhall",
                    "redirect_uris": [redirect_uri],
                    "grant_types": ["authorization_code"],
                    "response_types": ["code"],
                    "scope": "openid email profile",
                    "token_endpoint_auth_method": auth_method,
                },
            )
        assert answer.status_code == 201, answer.text
        registered = answer.json()
        return RegisteredClient(registered["client_id"], registered.get("client_secret") or None)


class Browser(httpx.AsyncClient):
    """Somebody at the server's pages; keeps its cookies, and follows it until it sends them
    away."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)

    async def sign_in(self, url: str, username: str, home: str) -> str:
        """Follow an address, fill the forms; give the address outside of `home` one is sent to."""
        filled = {"login": username, "password": PASSWORD, "answer": "accept"}
        answer = await self.get(url)
        for _ in range(12):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["location"])
                if not url.startswith(f"{home}/"):
                    return url
                answer = await self.get(url)
                continue
            form = _Form.in_page(answer.text)
            fields = form.fields | {k: v for k, v in filled.items() if k in form.names}
            answer = await self.post(urljoin(str(answer.url), form.action), data=fields)
        raise AssertionError(f"the server keeps asking: {answer.status_code} {answer.url}")


class _Form(HTMLParser):
    """The first form of a page that is sent by POST."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.fields, self.names = "", dict[str, str](), set[str]()
        self._inside = self._done = False

    @classmethod
    def in_page(cls, page: str) -> Self:
        form = cls()
        form.feed(page)
        assert form._done, page
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and (given.get("method") or "").lower() == "post" and not self._done:
            self._inside, self.action = True, given.get("action") or ""
        name = given.get("name")
        if self._inside and tag in ("input", "button") and name:
            self.names.add(name)
            if given.get("type") == "hidden":
                self.fields[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._inside:
            self._inside, self._done = False, True


@asynccontextmanager
async def running_oidc_server(
    folder: Path, people: Mapping[str, Mapping[str, str]]
) -> AsyncIterator[OidcServer]:
    """Set a server up, with people by username and what else is known of them; run it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
    parts = [f'{name} = "{part}"' for name, part in key.as_dict(private=True).items()]
    configuration = folder / "canaille.toml"
    configuration.write_text(
        CONFIGURATION.format(port=port, folder=folder, key=", ".join(parts)), "utf-8"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CANAILLE")
    } | {"CANAILLE_CONFIG": str(configuration)}

    async def start(*arguments: str) -> asyncio.subprocess.Process:
        with (folder / "canaille.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                CANAILLE, *arguments, cwd=folder, env=environment, stdout=log, stderr=log
            )

    def told() -> str:
        return (folder / "canaille.log").read_text("utf-8")

    async def run(*arguments: str) -> None:
        process = await start(*arguments)
        assert await process.wait() == 0, told()

    async def join(username: str, known: Mapping[str, str]) -> None:
        options = [f"--{name}={value}" for name, value in known.items()]
        given = (f"--user-name={username}", f"--password={PASSWORD}", *options)
        await run("create", "user", "--quiet", *given)

    await run("db", "upgrade")
    await asyncio.gather(*(join(username, known) for username, known in people.items()))
    server = await start("run", "--bind", f"127.0.0.1:{port}")
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
            while True:
                assert server.returncode is None, told()
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"{url}/.well-known/openid-configuration")
                    break
                await asyncio.sleep(0.1)
        yield OidcServer(url)
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()
