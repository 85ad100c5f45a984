"""An issuer that does what a test wants, and counts what it is asked: for what a real one never
does. Speaks HTTP over a socket."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

__all__ = ["Issuer", "new_key", "running_issuer"]

SigningKey = RSAKey | ECKey | OKPKey


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


class Issuer:
    """`pages` are what it answers by path: JSON, or bytes as they are; None is a 500."""

    def __init__(self, url: str, key: RSAKey) -> None:
        self.url, self.key = url, key
        self.asked: Counter[str] = Counter()
        self.forms: list[dict[str, str]] = []
        self.authorizations: list[str] = []
        self.silent = False
        self.metadata: dict[str, Any] = {
            "issuer": url,
            "jwks_uri": f"{url}/keys",
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
        }
        self.pages: dict[str, Any] = {"/.well-known/openid-configuration": self.metadata}
        self.publish(key)

    def publish(self, *keys: SigningKey) -> None:
        self.pages["/keys"] = {"keys": [key.as_dict(private=False) for key in keys]}

    def sign(
        self,
        claims: Mapping[str, Any],
        header: Mapping[str, Any] | None = None,
        key: SigningKey | None = None,
    ) -> str:
        key = key or self.key
        given = {"alg": "RS256", "kid": key.kid, "typ": "JWT"} | dict(header or {})
        shown = {name: value for name, value in given.items() if value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # Of "EdDSA", see RFC 9864.
            return jwt.encode(
                shown, dict(claims), key, algorithms=[shown["alg"]], default_type=None
            )

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                path = lines[0].split(" ")[1]
                self.asked[path] += 1
                if body:
                    self.forms.append({k: v[0] for k, v in parse_qs(body.decode()).items()})
                    self.authorizations.append(
                        next((x[15:] for x in lines if x.lower().startswith("authorization: ")), "")
                    )
                if self.silent:
                    await reader.read()
                    return
                writer.write(self._page(path))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _page(self, path: str) -> bytes:
        page = self.pages.get(path)
        if isinstance(page, bytes):
            return page
        status = b"200 OK" if page is not None else b"500 Broken"
        content = json.dumps(page).encode()
        return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(content), content)


@asynccontextmanager
async def running_issuer(key: RSAKey) -> AsyncIterator[Issuer]:
    connections: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        await issuer.answer(reader, writer)
        connections.discard(writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    issuer = Issuer(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", key)
    try:
        yield issuer
    finally:
        server.close()
        for writer in list(connections):
            writer.close()
        await server.wait_closed()
