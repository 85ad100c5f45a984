"""The scheduler process: Celery Beat, which here writes a row instead of sending a message.

What is due is started in the database under a key of its name and period, so it is started once
however many schedulers run, and a broker that is away delays it instead of losing it.
"""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

import structlog
from celery.beat import ScheduleEntry, Scheduler, Service
from celery.schedules import schedule

from guildhall.entrypoints.wiring import WIRING
from guildhall.infra import tasks
from guildhall.infra.celery import WorkerLoop, celery_app
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.housekeeping import beat
from guildhall.infra.settings import Settings
from guildhall.infra.tasks import Priority, TaskDefinition
from guildhall.infra.telemetry import SCHEDULER_LAST_TICK, configure_logs

__all__ = ["run", "start_due"]

log = structlog.get_logger()

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
TICK_SECONDS = 2.0
POOL_SIZE = 1


async def start_due(hall: Hall, task: TaskDefinition) -> None:
    """Start a periodic task for the present period, unless that was done."""
    assert task.every is not None
    async with hall.units.write() as uow:
        period = int(uow.now.timestamp() // task.every.total_seconds())
        await tasks.start(
            uow,
            task.name,
            priority=Priority.HIGH,
            max_attempts=1,
            once=f"{task.name}:{period}",
        )


def run(settings: Settings, endpoints: Endpoints) -> None:
    """Tick until a signal comes."""
    configure_logs(settings.log, "scheduler")
    loop = WorkerLoop(lambda: open_hall(settings, endpoints, WIRING, pool_size=POOL_SIZE))
    periodic = {task.name: task for task in WIRING.tasks if task.every is not None}

    class PeriodScheduler(Scheduler):
        max_interval = TICK_SECONDS
        producer = None  # Nothing is sent from here, so no broker is asked for.

        def setup_schedule(self) -> None:
            self.data = {
                name: ScheduleEntry(
                    name=name,
                    task=name,
                    schedule=schedule(task.every),
                    last_run_at=LONG_AGO,
                    app=self.app,
                )
                for name, task in periodic.items()
            }

        def apply_async(self, entry: ScheduleEntry, **_: Any) -> None:
            loop.run(start_due(loop.hall, periodic[entry.task]))

        def tick(self, *args: Any, **kwargs: Any) -> float:
            wait: float = super().tick(*args, **kwargs)
            try:
                loop.run(_beat(loop.hall))
            except Exception:
                log.warning("scheduler_lost_database", exc_info=True)
            return min(wait, TICK_SECONDS)

    service = Service(
        celery_app(endpoints.broker_url, settings.broker),
        max_interval=TICK_SECONDS,
        scheduler_cls=PeriodScheduler,
    )
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: service.stop())
    service.start()
    loop.close()


async def _beat(hall: Hall) -> None:
    async with hall.units.write() as uow:
        await beat(uow, "scheduler")
    SCHEDULER_LAST_TICK.set_to_current_time()
