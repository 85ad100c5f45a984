"""Hygiene: what is refused before it is looked at, and what browsers are told about answers.

Nothing here waits or allocates much: it is done for every request.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from typing import Any
from urllib.parse import unquote_plus

from starlette.responses import Response
from starlette.types import Scope

from guildhall.infra.http.problems import problem
from guildhall.infra.settings import ApiSettings

__all__ = ["PROBE_PATHS", "Hygiene", "page_policy"]

PROBE_PATHS = frozenset({"/health", "/health/ready", "/metrics"})
"""Asked by probes, by whatever address the process has; they tell nothing of anybody."""
STATIC_PREFIX = "/docs/assets/"
REFUSED_METHODS = frozenset({"TRACE", "TRACK", "CONNECT"})
YEAR_SECONDS = 365 * 24 * 3600

ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
)
HSTS = (b"strict-transport-security", f"max-age={YEAR_SECONDS}; includeSubDomains".encode())
ANSWER_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)
NOT_KEPT = (b"cache-control", b"no-store")


def page_policy(*inline_scripts: str) -> str:
    """Give the Content-Security-Policy of a page of the hall's own: what it loads comes from the
    hall, and of inline scripts only these very ones run."""
    hashes = (base64.b64encode(hashlib.sha256(s.encode()).digest()) for s in inline_scripts)
    scripts = " ".join(f"'sha256-{digest.decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    )


class Hygiene:
    """The rules of one process, as its settings have them."""

    def __init__(self, settings: ApiSettings) -> None:
        self._hosts = frozenset(host.lower().strip("[]") for host in settings.accepted_hosts)
        self._max_bytes = settings.max_request_bytes
        secure = settings.origin.startswith("https://")
        self._always = ((*ALWAYS, HSTS) if secure else ALWAYS) if settings.security_headers else ()
        self._policies = (ANSWER_POLICY,) if settings.security_headers else ()

    def refusal(self, scope: Scope) -> Response | None:
        """Give the answer to what is refused without a look at what it asks; None for the rest."""
        hosts: list[bytes] = []
        length = b"0"
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"content-length":
                length = value
        if not self._answers_to(hosts) and scope["path"] not in PROBE_PATHS:
            return problem(
                400,
                "host_not_allowed",
                "This hall does not go by that name. Its operator can add it to TRUSTED_HOSTS.",
            )
        if scope.get("method") in REFUSED_METHODS:
            return problem(405, "method_not_allowed", "This address does not take that method.")
        if len(length) > len(str(self._max_bytes)) or int(length) > self._max_bytes:
            return problem(
                413,
                "request_too_large",
                f"A request may have {self._max_bytes} bytes.",
                {"Connection": "close"},
            )
        if b"&" in scope["query_string"]:
            return _twice(scope["query_string"])
        return None

    def _answers_to(self, hosts: list[bytes]) -> bool:
        if len(hosts) != 1:
            return False
        name = _without_port(hosts[0].decode("latin-1").lower())
        return bool(name) and (name in self._hosts or "*" in self._hosts)

    def cover(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        """Add to an answer's headers what browsers are told; what a route said itself stands."""
        said = {name for name, _ in headers}
        headers.extend(self._always)
        headers.extend(policy for policy in self._policies if policy[0] not in said)
        if NOT_KEPT[0] not in said and not path.startswith(STATIC_PREFIX):
            headers.append(NOT_KEPT)


def _without_port(host: str) -> str:
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name if bracket and (not port or _is_port(port)) else ""
    name, colon, port = host.partition(":")
    return name if not colon or _is_port(colon + port) else ""


def _is_port(text: str) -> bool:
    return text[0] == ":" and (text[1:].isdecimal() or text == ":")


def _twice(query: bytes) -> Response | None:
    """Refuse a parameter that is there twice: of two readers, each might believe another one.

    No address of the hall takes one twice.
    """
    names = Counter(unquote_plus(part.partition("=")[0]) for part in _parts(query))
    name, number = names.most_common(1)[0] if names else ("", 0)
    if number < 2:
        return None
    extra: dict[str, Any] = {"parameter": name[:100]}
    return problem(422, "duplicate_parameter", "A parameter may stand in an address once.", **extra)


def _parts(query: bytes) -> list[str]:
    return [part for part in query.decode("latin-1").split("&") if part]
