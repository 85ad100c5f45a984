"""Errors as answers: `application/problem+json` (RFC 9457), one table from kind to status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson
import structlog
from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from guildhall.infra.database import is_away, is_unusable_value
from guildhall.infra.door import Allowance
from guildhall.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    QuotaExceeded,
    Refusal,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

__all__ = ["PROBLEM_RESPONSES", "REFUSALS_PAGE", "ProblemOut", "install_problems", "problem"]

log = structlog.get_logger()

REFUSALS_PAGE = "refusals_page"
"""Of a request's state: the page that says to a person what was refused, where a browser was led
here and no script reads the answer."""
LONGEST_PATH = 200  # Of a fault: what somebody made up need not be said back in full.

STATUS: dict[type[Refusal], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    QuotaExceeded: 402,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooManyRequests: 429,
    Unavailable: 503,
}

TITLES = {
    400: "Bad request",
    401: "Not signed in",
    402: "Quota used up",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}

# What a router or the framework refuses by itself.
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: "request_too_large",
    415: "unsupported_media_type",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}


class ProblemOut(BaseModel):
    """An error. `error` is stable and for programs, `detail` is for a person."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = "about:blank"
    title: str
    status: int
    error: str
    detail: str
    request_id: str | None = None


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for status, description in (
        ("4XX", "The request was refused; `error` says why."),
        ("5XX", "The hall could not do it; `request_id` finds it in the logs."),
    )
}


def problem(
    status: int, error: str, detail: str, headers: dict[str, str] | None = None, **extra: object
) -> Response:
    """Make a problem answer."""
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "error": error,
        "detail": detail,
        "request_id": correlation_id.get(),
        **extra,
    }
    try:
        content = orjson.dumps(body, default=str)
    except orjson.JSONEncodeError:
        content = json.dumps(body, default=str).encode()  # It quotes half a surrogate, say.
    return Response(
        content,
        status,
        headers,
        media_type="application/problem+json",
    )


def install_problems(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _by_framework)
    for fault in (
        *(DBAPIError, PoolTimeout, OSError),
        *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
    ):
        app.add_exception_handler(fault, _by_database)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    if isinstance(error, Unauthenticated | Forbidden):
        # Who tried what they may not, and from where (OWASP ASVS 5.0, 16.3.2).
        member = getattr(request.state, "member", None)
        log.warning(
            "access_refused",
            error=error.code,
            method=request.scope.get("method"),
            path=request.url.path,
            member_id=str(member.id) if member else None,
            address=request.client.host if request.client else None,
        )
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers: dict[str, str] = {}
    if isinstance(error, (TooManyRequests, Unavailable)):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    extra = dict(error.extra)
    allowance = extra.pop("allowance", None)
    if isinstance(allowance, Allowance):
        headers.update((name.decode(), value.decode()) for name, value in allowance.headers())
    page = getattr(request.state, REFUSALS_PAGE, None)
    if page is not None and "text/html" in request.headers.get("accept", ""):
        where = f"{page}#problem={error.code}"
        return RedirectResponse(where, 303, {"Cache-Control": "no-store"})
    return problem(status, error.code, error.detail, headers, **extra)


async def _not_valid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults: Sequence[dict[str, Any]] = error.errors()
    return problem(
        422,
        "validation_failed",
        "The request does not fit what this address takes; `faults` says where.",
        faults=[
            {
                "path": ".".join(map(str, fault["loc"]))[:LONGEST_PATH],
                "message": fault["msg"].removeprefix("Value error, "),
            }
            for fault in faults[:50]
        ],
    )


async def _by_framework(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    return problem(
        status,
        CODES.get(status, "bad_request" if status < 500 else "internal_error"),
        SENTENCES.get(status, str(error.detail)),
        dict(error.headers or {}),
    )


async def _by_database(_: Request, error: Exception) -> Response:
    """Answer for a database that is away, and for values that fit every schema but no column.

    A NUL in a text is the usual one. Any other error is a defect.
    """
    if is_unusable_value(error):
        return problem(422, "value_unusable", "A value in this request cannot be stored.")
    if not is_away(error):
        raise error
    # Without the trace: every request of an outage would write down the same one.
    log.error("database_unavailable", error=str(error))
    return problem(
        503,
        "database_unavailable",
        "The hall cannot reach its database right now. Try again in a moment.",
        {"Retry-After": "2"},
    )
