"""The worker process: Celery, with the hall open in each of its children."""

from __future__ import annotations

import warnings

from celery import signals
from celery.platforms import SecurityWarning

from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.celery import QUEUES, celery_app, install_worker
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import open_hall
from guildhall.infra.settings import Settings
from guildhall.infra.telemetry import configure_logs

__all__ = ["run"]

POOL_SIZE = 3  # A child does one thing at a time; watching over it and retrying take two more.


def run(settings: Settings, endpoints: Endpoints) -> None:
    """Work until a signal comes, then finish what is under way."""
    configure_logs(settings.log, "worker")
    signals.setup_logging.connect(lambda **_: None, weak=False)  # Ours are set up already.
    # Root is refused for the sake of pickle, which is not accepted here.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    app = celery_app(endpoints.broker_url, settings.broker)
    install_worker(app, lambda: open_hall(settings, endpoints, WIRING, pool_size=POOL_SIZE))
    app.worker_main(
        [
            "--quiet",  # No banner: what it says stands in the log.
            "worker",
            "--pool=prefork",
            f"--concurrency={settings.broker.worker_concurrency}",
            f"--queues={','.join(QUEUES)}",
            "--without-gossip",
            "--without-mingle",
            f"--loglevel={settings.log.log_level}",
        ]
    )
