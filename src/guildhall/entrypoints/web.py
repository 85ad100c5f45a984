"""The web app as the API process serves it: files that were built before, held in memory.

A request asks for one of the names that were there at the start, or gets the app's page, which
finds its room by itself. So no path of a request ever reaches the file system.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

import guildhall
from guildhall.infra.http.hygiene import PROBE_PATHS, page_policy

__all__ = ["BUILT_WEB_APP", "WebApp", "web_route"]

BUILT_WEB_APP = Path(guildhall.__file__).with_name("web_static")
PAGE = "index.html"
HASHED = "assets/"
"""Names in here carry a hash of their content, and so never come to mean another one."""
KEPT_FOR_EVER = "public, max-age=31536000, immutable"
ASKED_ANEW = "no-cache"
METHODS = frozenset({"GET", "HEAD"})
OTHERS = ("/api", "/docs", *sorted(PROBE_PATHS))
"""What never is a room of the app, whether anything answers there or not."""
ROOM = re.compile(r"/(?:[\w.~@-]+/)*[\w.~@-]*")
"""How an address of the app may be written. In no other way does anything lead there, so that
an address of others that is written strangely is nothing, as it would be without the app."""
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""From the best on; the build has written each beside the plain file, where it is smaller."""
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
NOT_BUILT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Guildhall</title>
</head>
<body>
<main>
<h1>This hall is open, and its web app is missing</h1>
<p>The pages could not be built when the hall was started: the output of <code>make up</code> says
why. Most often the npm registry was out of reach. Start the hall again to try again.</p>
<p>Meanwhile programs can use the API: <a href="/docs">the API and its docs</a>.</p>
</main>
</body>
</html>
"""

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")


@dataclass(frozen=True)
class _File:
    """A file of the app, in every encoding that it was built in."""

    kind: str
    tag: str
    kept: str
    bodies: Mapping[str, bytes]
    policy: str | None = None

    def answer(self, request: Request) -> Response:
        headers = {"Cache-Control": self.kept}
        if self.policy is not None:
            headers["Content-Security-Policy"] = self.policy
        encoding = _encoding(request.headers.get("accept-encoding", ""), self.bodies)
        # The tag names one representation: each encoding is another.
        tag = f'"{self.tag}-{encoding}"' if encoding else f'"{self.tag}"'
        headers["ETag"] = tag
        if len(self.bodies) > 1:
            headers["Vary"] = "Accept-Encoding"
        known = request.headers.get("if-none-match", "")
        if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
            return Response(status_code=304, headers=headers)
        if encoding:
            headers["Content-Encoding"] = encoding
        return Response(self.bodies[encoding], headers=headers, media_type=self.kind)


class WebApp:
    """What a folder held when this was made; or the page that says that it held nothing."""

    def __init__(self, folder: Path) -> None:
        self._files = {name: _read(folder, name) for name in _names(folder)}
        self.is_built = PAGE in self._files
        if not self.is_built:
            self._files = {PAGE: _page(NOT_BUILT.encode(), {})}

    async def answer(self, request: Request) -> Response:
        """Give the file that a request names; else the app's page, as it may know that room."""
        name = request.path_params["name"]
        file = self._files.get(name)
        if file is None:
            if name.startswith(HASHED) or "." in name.rpartition("/")[2]:
                raise HTTPException(404)
            file = self._files[PAGE]
        return file.answer(request)


class _WebRoute(Route):
    """Matches whatever nobody else's name is on, and only for reading: of all else the others say
    what is wrong with it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] not in METHODS:
            return Match.NONE, {}
        path: str = scope["path"].lower()
        if any(path == other or path.startswith(f"{other}/") for other in OTHERS):
            return Match.NONE, {}
        if ROOM.fullmatch(path) is None:
            return Match.NONE, {}
        match, child = super().matches(scope)
        return match, {**child, "route": self}


def web_route(app: WebApp) -> Route:
    """Give the route of the web app; the last of an application's."""
    return _WebRoute("/{name:path}", app.answer, methods=sorted(METHODS), include_in_schema=False)


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in ENCODINGS.values() and path.suffix:
            yield path.relative_to(folder).as_posix()


def _read(folder: Path, name: str) -> _File:
    plain = (folder / name).read_bytes()
    encoded = {
        encoding: file.read_bytes()
        for encoding, suffix in ENCODINGS.items()
        if (file := folder / f"{name}{suffix}").is_file()
    }
    if name == PAGE:
        return _page(plain, encoded)
    return _File(
        kind=mimetypes.guess_type(name)[0] or "application/octet-stream",
        tag=_tag(plain),
        kept=KEPT_FOR_EVER if name.startswith(HASHED) else ASKED_ANEW,
        bodies={"": plain, **encoded},
    )


def _page(plain: bytes, encoded: Mapping[str, bytes]) -> _File:
    return _File(
        kind="text/html",
        tag=_tag(plain),
        kept=ASKED_ANEW,
        bodies={"": plain, **encoded},
        policy=page_policy(*INLINE_SCRIPT.findall(plain.decode())),
    )


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _encoding(accepted: str, bodies: Mapping[str, bytes]) -> Literal["br", "gzip", ""]:
    """Give the best encoding that a reader takes and the file has; "" is none."""
    takes = set[str]()
    for part in accepted.lower().split(","):
        name, _, rest = part.strip().partition(";")
        quality = rest.strip().removeprefix("q=")
        if not rest or quality.strip("0.") != "":
            takes.add(name.strip())
    if "br" in takes and "br" in bodies:
        return "br"
    if "gzip" in takes and "gzip" in bodies:
        return "gzip"
    return ""
