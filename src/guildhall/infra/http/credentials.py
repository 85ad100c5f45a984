"""Credentials as HTTP carries them: bearer tokens, cookies, API keys, and what guards cookies.

A browser sends cookies along with whatever page asks it to. So a request that changes something
and comes in by cookie must come from a page of the hall's own (Fetch Metadata; for a browser
without it, `Origin`), and carry a token that only such a page can read (OWASP ASVS 5.0, 3.5.1).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from starlette.requests import HTTPConnection

from guildhall.kernel.errors import Forbidden

__all__ = [
    "ACCESS_COOKIE",
    "ADMIN_SECRET_HEADER",
    "CSRF_COOKIE",
    "CSRF_HEADER",
    "REFRESH_COOKIE",
    "SAFE_METHODS",
    "SECOND_FACTOR_COOKIE",
    "CrossSiteRequest",
    "CsrfTokenInvalid",
    "Shown",
    "check_csrf_token",
    "check_origin",
    "check_same_site",
    "cookies_of",
    "csrf_token",
    "shown_by",
]

ACCESS_COOKIE = "__Host-guildhall"
REFRESH_COOKIE = "__Host-guildhall-refresh"
CSRF_COOKIE = "__Host-guildhall-csrf"
SECOND_FACTOR_COOKIE = "__Host-guildhall-second-factor"
CSRF_HEADER = "X-CSRF-Token"
ADMIN_SECRET_HEADER = "X-Admin-Secret-Key"  # noqa: S105  # where the secret stands
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteRequest(Forbidden):
    code = "cross_site_request"
    detail = "A page of another site asked for this, in your name. It was not done."


class CsrfTokenInvalid(Forbidden):
    code = "csrf_token_invalid"
    detail = f"With cookies, a request that changes something needs the header {CSRF_HEADER}."


class Shown(NamedTuple):
    """What a request shows at the door; at most one of them counts, in this order."""

    bearer: str | None = None
    api_key: str | None = None
    cookie: str | None = None
    admin_secret: str | None = None


def shown_by(connection: HTTPConnection) -> Shown:
    """Read a request's credentials, off the raw list: building a mapping of all headers would
    cost as much as a signature."""
    bearer = api_key = cookie = admin_secret = None
    cookies = ""
    for name, value in connection.scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and token:
                bearer = token
        elif name == b"x-api-key":
            api_key = value.decode("latin-1")
        elif name == b"cookie" and ACCESS_COOKIE.encode() in value:
            cookies += value.decode("latin-1") + ";"
        elif name == b"x-admin-secret-key":
            admin_secret = value.decode("latin-1")
    if cookies:
        cookie = cookies_of(cookies).get(ACCESS_COOKIE)
    return Shown(bearer, api_key, cookie, admin_secret)


def cookies_of(header: str) -> Mapping[str, str]:
    """Read a Cookie header. A name that comes twice counts for nothing: of a `__Host-` cookie a
    browser keeps one, so somebody has tossed in the other."""
    found: dict[str, str] = {}
    twice = set[str]()
    for pair in header.split(";"):
        name, _, value = pair.strip(" \t").partition("=")
        if name in found:
            twice.add(name)
        found[name] = value.strip('"')  # In which some values have to be set.
    return {name: value for name, value in found.items() if name not in twice}


def check_same_site(connection: HTTPConnection, accepted_origins: frozenset[str]) -> None:
    """Refuse what another site's page asked a browser for. Raises CrossSiteRequest."""
    headers = connection.headers
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise CrossSiteRequest
        return
    if "origin" not in headers:
        raise CrossSiteRequest(
            "With cookies a request has to come from a page of this hall, as `Sec-Fetch-Site` or"
            " `Origin` tell; a program signs in with `transport: bearer`."
        )
    check_origin(connection, accepted_origins)


def check_origin(connection: HTTPConnection, accepted_origins: frozenset[str]) -> None:
    """Refuse what a page of an origin asked for that is neither accepted nor the hall's own. Only
    browsers name one. Raises CrossSiteRequest."""
    origin = connection.headers.get("origin")
    if origin is None or origin in accepted_origins:
        return
    # Besides, a hall goes by the name that it was asked under; but where that is known to be
    # reached over TLS, the same name without is whoever sits on the line.
    host = connection.headers.get("host", "")
    if f"https://{host}" in accepted_origins or origin != f"http://{host}":
        raise CrossSiteRequest


def csrf_token(secret_key: str, session_id: UUID) -> str:
    """Give the token that goes with a session: nobody else's fits, and none outlives it."""
    return hmac.new(secret_key.encode(), b"csrf:" + session_id.bytes, hashlib.sha256).hexdigest()


def check_csrf_token(connection: HTTPConnection, secret_key: str, session_id: UUID) -> None:
    """Raises CsrfTokenInvalid."""
    given = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_token(secret_key, session_id).encode()):
        raise CsrfTokenInvalid
