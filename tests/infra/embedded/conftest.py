"""A place for halls of one's own, and the real servers in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from guildhall.infra.embedded import servers_for
from guildhall.infra.settings import (
    BrokerSettings,
    DatabaseSettings,
    HallSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
)

CONFIGURABLE = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY")


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a directory that the service account can pass, which pytest's own is not for it."""
    with _place() as directory:
        yield directory


@pytest.fixture(scope="session")
def unconfigured() -> Settings:
    """Give settings in which no server is configured."""
    with pytest.MonkeyPatch.context() as patch:
        for name in CONFIGURABLE:
            patch.delenv(name, raising=False)
        return replace(
            Settings.load(),
            database=DatabaseSettings(_env_file=None),  # type: ignore[call-arg]  # pydantic's own
            redis=RedisSettings(_env_file=None),  # type: ignore[call-arg]
            broker=BrokerSettings(_env_file=None),  # type: ignore[call-arg]
            security=SecuritySettings(_env_file=None),  # type: ignore[call-arg]
        )


@pytest.fixture
def new(unconfigured: Settings, place: Path) -> Settings:
    """Give the settings of a hall that has never been started."""
    return replace(unconfigured, hall=HallSettings(data_dir=place / "data"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def started_once(unconfigured: Settings) -> AsyncIterator[Path]:
    """Give the data of a hall that was started and stopped: copying it is quicker than initdb."""
    with _place() as directory:
        data = directory / "data"
        async with servers_for(replace(unconfigured, hall=HallSettings(data_dir=data))):
            pass
        yield data


@pytest.fixture
def settings(new: Settings, started_once: Path) -> Settings:
    """Give the settings of a hall that was started before."""
    subprocess.run(["/bin/cp", "-a", started_once, new.hall.data_dir], check=True)
    return new


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Give the same settings for a process."""
    kept = {name: value for name, value in os.environ.items() if name not in CONFIGURABLE}
    return kept | {"DATA_DIR": str(settings.hall.data_dir)}


@contextmanager
def _place() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="hall-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
