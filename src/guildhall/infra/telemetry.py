"""What an operator can see: structured logs and metrics.

Metrics of all processes of a hall are added up through the directory in
`PROMETHEUS_MULTIPROC_DIR`, which must be set before this module is imported.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import structlog
from asgi_correlation_id import correlation_id
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, Processor, WrappedLogger

from guildhall.infra.settings import LogSettings

__all__ = [
    "EVENTS_DELIVERED",
    "LLM_CALLS",
    "LLM_TOKENS",
    "OPEN_STREAMS",
    "RELAY_CALLS",
    "RELAY_LAST_ROUND",
    "REQUESTS",
    "REQUEST_SECONDS",
    "SCHEDULER_LAST_TICK",
    "TASKS_FINISHED",
    "WORKER_LAST_PROBE",
    "LogFiles",
    "configure_logs",
]

LOG_FILE = re.compile(r"[a-z]+\.\d{4}-\d\d-\d\d(T\d{4})?\.jsonl")

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
LLM_CALLS = Counter(
    "guildhall_llm_calls_total",
    "Calls to models that ended, by their fault if there was one.",
    ["provider", "model", "fault"],
)
LLM_TOKENS = Counter(
    "guildhall_llm_tokens_total",
    "Tokens that models took in (cached ones as well) and gave out.",
    ["provider", "model", "direction"],
)
OPEN_STREAMS = Gauge(
    "guildhall_open_streams", "Live streams open now.", multiprocess_mode="livesum"
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
    """Send this process's logs to standard output, one line each, libraries' included; and to
    files, if there is a folder for them. One that cannot be written in stops nothing.

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
    files: list[Processor] = []
    if settings.log_dir is not None:
        files.append(
            LogFiles(settings.log_dir, process, settings.log_rotation, settings.log_retention)
        )
    structlog.configure(
        processors=[*shared, *files, *render],
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
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *files,
                *to_text,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("celery", "kombu", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    server = logging.getLogger("uvicorn.error")
    # At DEBUG it writes down handshakes of WebSockets, tickets, cookies and tokens included.
    server.setLevel(max(logging.INFO, root.level))
    server.addFilter(_is_no_refused_handshake)
    structlog.contextvars.bind_contextvars(process=process)


def _is_no_refused_handshake(record: logging.LogRecord) -> bool:
    """Tell whether a line of the server is something else than its wrong alarm (uvicorn 0.54) over
    each WebSocket that was refused with an answer of its own."""
    return record.msg != "ASGI callable returned without completing handshake."


class LogFiles:
    """A processor that also writes each event into a file: `<process>.<period>.jsonl`.

    A file has the name of its period from the start, is only appended to, a whole line at a time,
    and is never renamed, so that all processes of a kind can share it. Whoever begins a new period
    removes the files that are too old, of every kind of process.
    """

    def __init__(
        self,
        folder: Path,
        process: str,
        rotation: timedelta,
        retention: timedelta,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._process = process
        self._rotation_seconds = rotation.total_seconds()
        self._retention_seconds = retention.total_seconds()
        self._now = now
        self._file: int | None = None
        self._period_ends_at = 0.0

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        line = _dump(structlog.processors.format_exc_info(logger, method, dict(event)))
        # A full disk is no reason to stop; standard output has the line as well.
        with contextlib.suppress(OSError):
            if self._now() >= self._period_ends_at:
                self._begin_period()
            if self._file is not None:
                os.write(self._file, line + b"\n")
        return event

    def _begin_period(self) -> None:
        now = self._now()
        starts_at = now // self._rotation_seconds * self._rotation_seconds
        whole_days = self._rotation_seconds % timedelta(days=1).total_seconds() == 0
        period = datetime.fromtimestamp(starts_at, UTC).strftime(
            "%Y-%m-%d" if whole_days else "%Y-%m-%dT%H%M"
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        new = os.open(
            self._folder / f"{self._process}.{period}.jsonl",
            os.O_WRONLY | os.O_CREAT | os.O_APPEND,
            0o600,
        )
        if self._file is None:
            self._file = new
        else:
            # In the old one's place, at once: another thread may be writing.
            os.dup2(new, self._file, inheritable=False)
            os.close(new)
        self._period_ends_at = starts_at + self._rotation_seconds
        self._remove_old(now - self._retention_seconds)

    def _remove_old(self, before: float) -> None:
        for path in self._folder.iterdir():
            # Others, who begin the same period, may be quicker.
            with contextlib.suppress(FileNotFoundError):
                if LOG_FILE.fullmatch(path.name) and path.stat().st_mtime < before:
                    path.unlink()


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
