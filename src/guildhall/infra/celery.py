"""Celery: it carries news to worker processes and keeps them alive. It decides nothing.

Two tasks exist. `deliver` names a reader for whom events wait in the outbox, `run` an execution in
`task_executions`; whether they are still wanted, and whether they happened, stands in the database.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any
from uuid import UUID

from celery import Celery, signals
from kombu.entity import Queue
from kombu.transport import redis as kombu_redis
from redis.exceptions import ConnectionError as RedisConnectionError

from guildhall.infra.garbage import collect_rarely
from guildhall.infra.hall import Hall
from guildhall.infra.settings import BrokerSettings
from guildhall.infra.tasks import Priority

__all__ = ["QUEUES", "CeleryBroker", "WorkerLoop", "celery_app", "install_worker"]

QUEUES = ("events", "awards", "ai", "translation", "validation", "post_edit", "mail", "default")
DELIVER = "guildhall.deliver"
RUN = "guildhall.run"
BROKER_TIMEOUT_SECONDS = 2

REDIS_PRIORITY = {Priority.LOW: 9, Priority.NORMAL: 5, Priority.HIGH: 0}
AMQP_PRIORITY = {Priority.LOW: 0, Priority.NORMAL: 5, Priority.HIGH: 9}


class SurvivingChannel(kombu_redis.Channel):
    """A channel that says so when its connection is gone.

    Kombu 5.7 raises AttributeError instead when Redis dies under a task: on giving the task back,
    and on acknowledging it. Celery takes that for a defect and ends the worker, with exit code 0.
    """

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("The connection of this channel is gone.")
        parameters: dict[str, Any] = super()._connparams(asynchronous)
        return parameters


def celery_app(broker_url: str, settings: BrokerSettings) -> Celery:
    """Make the application of this hall on its broker."""
    kombu_redis.Transport.Channel = SurvivingChannel
    app = Celery("guildhall", broker=broker_url, set_as_current=False)
    on_amqp = broker_url.startswith("amqp")
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_soft_time_limit=settings.task_soft_limit_seconds,
        task_time_limit=settings.task_hard_limit_seconds,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.worker_concurrency,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_enable_remote_control=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_limit=4,
        task_default_queue="default",
        task_queues=[
            Queue(name, queue_arguments={"x-max-priority": 9} if on_amqp else None)
            for name in QUEUES
        ],
        broker_transport_options={}
        if on_amqp
        else {
            "visibility_timeout": settings.broker_visibility_timeout_seconds,
            "queue_order_strategy": "priority",
            "priority_steps": [0, 5, 9],
            "sep": ":",
            "socket_timeout": 30,
            "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
        },
    )
    return app


class CeleryBroker:
    """Publishes for the relay. Fails fast: the relay knows what to do then."""

    def __init__(self, app: Celery, broker_url: str, queues: dict[str, str]) -> None:
        self._app = app
        self._queues = queues
        self._priority = AMQP_PRIORITY if broker_url.startswith("amqp") else REDIS_PRIORITY
        # kombu blocks, so it has a thread; one, so that calls leave in the order they were made.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "broker")

    async def call(self, reader: str) -> None:
        await self._publish(DELIVER, [reader], self._queues[reader], Priority.NORMAL)

    async def publish_task(self, execution_id: UUID, queue: str, priority: int) -> None:
        await self._publish(RUN, [str(execution_id)], queue, Priority(priority))

    async def _publish(self, task: str, args: list[str], queue: str, priority: Priority) -> None:
        await asyncio.get_running_loop().run_in_executor(
            self._thread,
            lambda: self._app.send_task(
                task,
                args=args,
                queue=queue,
                priority=self._priority[priority],
                retry=False,
                ignore_result=True,
            ),
        )


class WorkerLoop:
    """The one event loop of a worker process, with the hall open on it.

    Pools belong to a loop, so a loop per task would open connections per task. The loop runs in a
    thread of its own; Celery's main thread waits, so that its time limits and signals, which it
    raises there, cancel the coroutine.
    """

    def __init__(self, open_hall: Callable[[], AbstractAsyncContextManager[Hall]]) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="hall", daemon=True).start()
        self._open = AsyncExitStack()
        self.hall = self.run(self._open.enter_async_context(open_hall()))

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        self.run(self._open.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)


def install_worker(app: Celery, open_hall: Callable[[], AbstractAsyncContextManager[Hall]]) -> None:
    """Register the two tasks and give every worker process its loop."""
    loops: dict[int, WorkerLoop] = {}

    def here() -> WorkerLoop:
        # Keyed by pid: a loop does not survive a fork.
        pid = os.getpid()
        if pid not in loops:
            loops.clear()
            loops[pid] = WorkerLoop(open_hall)
        return loops[pid]

    @app.task(name=DELIVER)
    def deliver(reader: str) -> None:
        worker = here()
        worker.run(worker.hall.deliveries.work(reader))

    @app.task(name=RUN)
    def run(execution_id: str) -> None:
        worker = here()
        worker.run(worker.hall.task_runner.run(UUID(execution_id)))

    @signals.worker_process_init.connect(weak=False)
    def warm_up(**_: object) -> None:
        here()
        collect_rarely()

    @signals.worker_process_shutdown.connect(weak=False)
    def close(**_: object) -> None:
        for worker in loops.values():
            worker.close()
