"""The API process."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from itertools import chain
from types import FrameType
from typing import Any

import uvicorn
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from guildhall import __version__
from guildhall.entrypoints import health
from guildhall.entrypoints.web import BUILT_WEB_APP, WebApp, web_route
from guildhall.entrypoints.wiring import ROUTERS, WIRING
from guildhall.identity import (
    BannedPasswords,
    PasswordPolicy,
    foreign_reader_of,
    note_operator,
    recall_of,
)
from guildhall.infra.door import Door
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.garbage import collect_rarely
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.http.access import describe_access, scopes_of
from guildhall.infra.http.connections import GuardedProtocol
from guildhall.infra.http.entrance import Entrance
from guildhall.infra.http.envelope import Envelope
from guildhall.infra.http.hot import HotRoute, SharedAnswers
from guildhall.infra.http.hygiene import page_policy
from guildhall.infra.http.problems import ProblemOut, install_problems
from guildhall.infra.http.streams import LARGEST_SAID_BYTES
from guildhall.infra.settings import Settings
from guildhall.infra.streams import Streams
from guildhall.infra.telemetry import configure_logs
from guildhall.infra.tickets import redeem
from guildhall.infra.tokens import Tokens
from guildhall.kernel.ids import new_id

__all__ = ["create_app", "furnish", "run", "serving"]

BASE_PATH = "/api/v1"
DOCS_PATH = "/docs"
DESCRIPTION = """
Learn, make things and level up together. Register below, sign in with **Authorize**, then take a
challenge: list them, start an attempt, submit it, and look at your progress.

Instead of a password, a member may sign in with a passkey or with a provider that this hall knows
(`/auth/providers`), and be asked for a second factor. Pages take cookies instead of tokens, with
`transport: cookie`; programs take an API key, in `X-API-Key`, which opens what its scopes say: each
operation names its own as `x-scope`.

Every error is `application/problem+json` with a stable `error` and a `detail` for a person.
"""


def create_app(settings: Settings, endpoints: Endpoints | None = None) -> FastAPI:
    """Make the application. Without endpoints it can be described, but not run."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        assert endpoints is not None
        async with open_hall(settings, endpoints, WIRING, reach="") as hall:
            furnish(app, hall)
            collect_rarely()
            with _ending_streams_when_told_to_stop(app.state.streams):
                yield

    app = FastAPI(
        title="Guildhall",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=f"{BASE_PATH}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    for routers in ROUTERS:
        for router in routers:
            app.include_router(router, prefix=BASE_PATH)
    app.include_router(health.router)
    _show_docs(app)
    hot = (route for router in chain(*ROUTERS) for route in router.routes)
    app.router.routes[:0] = [
        route.directly(BASE_PATH) for route in hot if isinstance(route, HotRoute)
    ]
    app.router.routes.append(web_route(WebApp(BUILT_WEB_APP)))
    install_problems(app)
    _complete_document(app)
    if settings.api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.api.cors_origins,
            allow_credentials=True,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                *("Authorization", "Content-Type", "Idempotency-Key", "X-API-Key"),
                *("X-CSRF-Token", "X-Request-ID"),
            ],
            expose_headers=[
                *("X-Request-ID", "RateLimit", "RateLimit-Policy", "Retry-After"),
                "Idempotent-Replayed",
            ],
        )
    app.add_middleware(Envelope, settings=settings.api)
    app.add_middleware(
        CorrelationIdMiddleware,
        header_name="X-Request-ID",
        generator=lambda: str(new_id()),
        validator=_is_request_id,
    )
    return app


def furnish(app: FastAPI, hall: Hall) -> None:
    """Give an application the hall it serves."""
    app.state.hall = hall
    app.state.shared = SharedAnswers()
    app.state.key_scopes = scopes_of(ROUTERS)
    security = hall.settings.security
    app.state.password_policy = PasswordPolicy(BannedPasswords(security.banned_passwords))
    app.state.entrance = Entrance(
        door=Door(hall.redis, recall_of(hall), hall.settings.rate_limit),
        tokens=Tokens(
            hall.endpoints.secret_key,
            [key.get_secret_value() for key in security.previous_secret_keys],
        ),
        clock=hall.clock,
        secret_key=hall.endpoints.secret_key,
        accepted_origins=frozenset({hall.settings.api.origin}),
        stream_origins=frozenset({hall.settings.api.origin, *hall.settings.api.cors_origins}),
        admin_secret_key=(
            security.admin_secret_key.get_secret_value() if security.admin_secret_key else None
        ),
        admins_need_second_factor=hall.settings.hall.hall_mode == "production",
        note_operator=partial(note_operator, hall),
        foreign=foreign_reader_of(hall),
        redeem=partial(redeem, hall.redis),
    )
    app.state.streams = Streams(hall.redis, app.state.entrance.door, hall.clock)


@contextmanager
def _ending_streams_when_told_to_stop(streams: Streams) -> Iterator[None]:
    """End all streams when the signal comes: the server, which has set its own answer to it by
    now, waits for open answers before it tells the application."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    answers = {which: signal.getsignal(which) for which in (signal.SIGTERM, signal.SIGINT)}

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(streams.drain)
        answer = answers[signal.Signals(number)]
        if callable(answer):
            answer(number, frame)

    for which in answers:
        signal.signal(which, told)
    try:
        yield
    finally:
        for which, answer in answers.items():
            signal.signal(which, answer)


def run(settings: Settings, endpoints: Endpoints) -> None:
    """Serve until a signal comes, then finish the requests under way."""
    if settings.api.api_workers == 1:
        configure_logs(settings.log, "api")
        application: Any = create_app(settings, endpoints)
    else:
        application = "guildhall.entrypoints.api:_from_environment"
    uvicorn.run(
        application,
        factory=settings.api.api_workers > 1,
        workers=settings.api.api_workers if settings.api.api_workers > 1 else None,
        loop="uvloop",
        **serving(settings),
    )


def serving(settings: Settings) -> dict[str, Any]:
    """Give how the server listens, and what it believes of whom."""
    proxies = list(settings.api.trusted_proxies)
    return {
        "host": settings.api.api_host,
        "port": settings.api.api_port,
        "http": partial(GuardedProtocol, head_seconds=settings.api.request_body_seconds),
        "ws": "websockets-sansio",
        "ws_max_size": LARGEST_SAID_BYTES,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(proxies),
        "forwarded_allow_ips": proxies,
        "timeout_graceful_shutdown": settings.api.drain_seconds,
    }


def _from_environment() -> FastAPI:
    """Make the application in one of several API processes, from what its parent was given."""
    settings = Settings.load()
    configure_logs(settings.log, "api")
    return create_app(settings, Endpoints.configured(settings))


def _show_docs(app: FastAPI) -> None:
    """Show the API at /docs.

    Nothing is fetched from elsewhere: a hall may have no internet.
    """
    assets = f"{DOCS_PATH}/assets"
    page = get_swagger_ui_html(
        openapi_url=f"{BASE_PATH}/openapi.json",
        title=app.title,
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon-32x32.png",
        swagger_ui_parameters={"filter": True, "displayRequestDuration": True},
    )
    inline = re.findall(r"<script>(.*?)</script>", bytes(page.body).decode(), re.DOTALL)
    page.headers["Content-Security-Policy"] = page_policy(*inline)

    async def docs(_: Request) -> HTMLResponse:
        return page

    app.add_route(DOCS_PATH, docs, include_in_schema=False)
    app.mount(assets, StaticFiles(packages=[("fastapi_swagger", "resources")]))


def _complete_document(app: FastAPI) -> None:
    """Put the one shape of all errors into the OpenAPI document, and who may do what."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = describe()
            document["components"]["schemas"]["Problem"] = ProblemOut.model_json_schema()
            describe_access(document, ROUTERS, BASE_PATH)
        return describe()

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way


def _is_request_id(value: str) -> bool:
    return 8 <= len(value) <= 64 and value.isascii() and value.replace("-", "").isalnum()
