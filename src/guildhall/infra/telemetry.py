"""What an operator can see: structured logs and metrics.

Metrics of all processes of a hall are added up through the directory in
`PROMETHEUS_MULTIPROC_DIR`, which must be set before this module is imported.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import structlog
from asgi_correlation_id import correlation_id
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, Processor, WrappedLogger

from guildhall.infra.settings import LogSettings

__all__ = [
    "EVENTS_DELIVERED",
    "RELAY_CALLS",
    "RELAY_LAST_ROUND",
    "REQUESTS",
    "REQUEST_SECONDS",
    "SCHEDULER_LAST_TICK",
    "TASKS_FINISHED",
    "WORKER_LAST_PROBE",
    "configure_logs",
]

REQUESTS = Counter("guildhall_http_requests_total", "Answers given.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "guildhall_http_request_seconds",
    "Time to the answer's first byte.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10),
)
EVENTS_DELIVERED = Counter(
    "guildhall_events_delivered_total", "Events whose handler finished.", ["reader"]
)
RELAY_CALLS = Counter("guildhall_relay_calls_total", "Calls for workers.", ["reader"])
RELAY_LAST_ROUND = Gauge(
    "guildhall_relay_last_round_timestamp_seconds",
    "When the relay last completed a round.",
    multiprocess_mode="mostrecent",
)
SCHEDULER_LAST_TICK = Gauge(
    "guildhall_scheduler_last_tick_timestamp_seconds",
    "When the scheduler last looked at what is due.",
    multiprocess_mode="mostrecent",
)
WORKER_LAST_PROBE = Gauge(
    "guildhall_worker_last_probe_timestamp_seconds",
    "When a worker last completed its probe task.",
    multiprocess_mode="mostrecent",
)
TASKS_FINISHED = Counter(
    "guildhall_tasks_finished_total", "Tracked tasks that ended.", ["name", "state"]
)


def configure_logs(settings: LogSettings, process: str) -> None:
    """Send this process's logs to standard output, one line each, libraries' included.

    Ours do not pass through the standard library's handlers: a request's line would cost as much
    as its routing.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    render, to_text, logger_factory = _rendering(settings)
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level]
        ),
        logger_factory=logger_factory,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *to_text],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("celery", "kombu", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(process=process)


def _rendering(
    settings: LogSettings,
) -> tuple[Sequence[Processor], Sequence[Processor], Callable[..., WrappedLogger]]:
    """Give what renders our lines, what renders libraries', and where ours go."""
    if settings.log_format == "json":
        traceback = structlog.processors.format_exc_info
        return (
            (traceback, structlog.processors.JSONRenderer(serializer=_dump)),
            (traceback, structlog.processors.JSONRenderer(serializer=_dump_text)),
            structlog.BytesLoggerFactory(),
        )
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(),
        pad_event_to=24,
        # Plain: the richer formatters print local variables, and those can be secrets.
        exception_formatter=structlog.dev.plain_traceback,
    )
    return (console,), (console,), structlog.PrintLoggerFactory()


def _dump(value: Any, **_: Any) -> bytes:
    return orjson.dumps(value, default=str)


def _dump_text(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    request_id = correlation_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event
