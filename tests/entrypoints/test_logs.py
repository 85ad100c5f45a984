"""Logs in files: the same lines as on standard output, begun anew and removed in time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from guildhall.entrypoints.up import _UpHall
from guildhall.infra.settings import HallSettings, LogSettings, Settings, SettingsFault
from guildhall.infra.telemetry import LogFiles

SPEAKER = """
import logging, sys, structlog
from guildhall.infra.settings import Settings
from guildhall.infra.telemetry import configure_logs
configure_logs(Settings.load().log, "worker")
log = structlog.get_logger()
for number in range(int(sys.argv[1])):
    log.info("counted", number=number, filler="x" * 5000)
log.debug("too quiet")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("divided")
    logging.getLogger("library").exception("by %s", "zero")
"""
DAY, MONTH = timedelta(days=1), timedelta(days=30)
# Today's, since the files that a test writes are as old as the test.
NOON = datetime.now(UTC).replace(hour=12, minute=30, second=0, microsecond=0)
TODAY, TOMORROW = f"{NOON:%Y-%m-%d}", f"{NOON + DAY:%Y-%m-%d}"


def speak(folder: Path, *, times: int = 1, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SPEAKER, str(times)],
        env=os.environ | {"LOG_DIR": str(folder)} | environment,
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


class Desk:
    """Log files of one kind of process, on a clock that can be set."""

    def __init__(self, folder: Path, rotation: timedelta = DAY, retention: timedelta = MONTH):
        self.now = NOON
        self._files = LogFiles(folder, "api", rotation, retention, now=lambda: self.now.timestamp())

    def write(self, event: str) -> None:
        self._files(None, "info", {"event": event})


@pytest.mark.parametrize("shown", ["console", "json"])
def test_files_hold_json_whatever_is_shown_libraries_and_traces_included(
    tmp_path: Path, shown: str
) -> None:
    folder = tmp_path / "logs"
    out, _ = speak(folder, LOG_FORMAT=shown).communicate(timeout=60)
    assert "counted" in out
    assert "by zero" in out
    assert out.startswith("{") == (shown == "json")
    (file,) = folder.iterdir()
    assert re.fullmatch(r"worker\.\d{4}-\d\d-\d\d\.jsonl", file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    counted, divided, library = lines(folder)
    assert (counted["event"], counted["number"], counted["level"]) == ("counted", 0, "info")
    assert (divided["event"], library["event"]) == ("divided", "by zero")
    for line in (counted, divided, library):
        assert line["process"] == "worker"
        assert line["timestamp"]
    for line in (divided, library):
        assert "ZeroDivisionError" in line["exception"]


def test_processes_of_one_kind_share_a_file_without_tearing_a_line(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    speakers = [speak(folder, times=200) for _ in range(3)]
    for speaker in speakers:
        speaker.communicate(timeout=60)
    counted = [line["number"] for line in lines(folder) if line["event"] == "counted"]
    assert sorted(counted) == sorted([*range(200)] * 3)


def test_a_folder_that_cannot_be_written_in_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.write_text("a file")
    speaker = speak(folder)
    out, _ = speaker.communicate(timeout=60)
    assert speaker.returncode == 0
    assert "counted" in out


def test_without_a_folder_there_are_no_files(tmp_path: Path) -> None:
    speak(tmp_path / "logs", LOG_DIR="").communicate(timeout=60)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rotation", "later", "names"),
    [
        (DAY, timedelta(hours=11), [f"api.{TODAY}.jsonl"]),
        (DAY, timedelta(hours=12), [f"api.{TODAY}.jsonl", f"api.{TOMORROW}.jsonl"]),
        (
            timedelta(hours=1),
            timedelta(minutes=30),
            [f"api.{TODAY}T1200.jsonl", f"api.{TODAY}T1300.jsonl"],
        ),
        (timedelta(hours=1), timedelta(minutes=29), [f"api.{TODAY}T1200.jsonl"]),
    ],
)
def test_a_new_file_begins_when_the_period_ends(
    tmp_path: Path, rotation: timedelta, later: timedelta, names: list[str]
) -> None:
    desk = Desk(tmp_path, rotation)
    desk.write("first")
    desk.now += later
    desk.write("second")
    desk.write("third")
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert [line["event"] for line in lines(tmp_path)] == ["first", "second", "third"]
    assert len((tmp_path / names[0]).read_text().splitlines()) == (1 if len(names) == 2 else 3)


def test_no_descriptor_is_left_open_behind_a_period(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write("first")
    before = descriptors()
    for _ in range(5):
        desk.now += DAY
        desk.write("again")
    assert descriptors() == before


def test_files_are_removed_when_their_time_is_up_and_nothing_else_is(tmp_path: Path) -> None:
    aged = {
        "api.2025-04-01.jsonl": MONTH + DAY,
        "relay.2025-04-01T1200.jsonl": MONTH + DAY,  # Also when no relay runs here any more.
        "worker.2025-04-20.jsonl": MONTH - DAY,
        "postgres.log": 3 * MONTH,
        "notes.jsonl": 3 * MONTH,
    }
    for name, age in aged.items():
        path = tmp_path / name
        path.touch()
        os.utime(path, ((NOON - age).timestamp(),) * 2)
    Desk(tmp_path).write("begun")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"api.{TODAY}.jsonl",
        "notes.jsonl",
        "postgres.log",
        "worker.2025-04-20.jsonl",
    ]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1 day", DAY),
        ("30 days", MONTH),
        ("12 hours", timedelta(hours=12)),
        ("90minutes", timedelta(minutes=90)),
        (" 2 Weeks ", timedelta(weeks=2)),
    ],
)
def test_times_are_said_as_people_say_them(
    monkeypatch: pytest.MonkeyPatch, said: str, meant: timedelta
) -> None:
    monkeypatch.setenv("LOG_ROTATION", said)
    monkeypatch.setenv("LOG_RETENTION", "10 weeks")
    assert LogSettings().log_rotation == meant


@pytest.mark.parametrize("said", ["0 days", "-1 day", "day", "1", "1 fortnight", "999999 days"])
def test_a_time_that_cannot_be_meant_is_a_fault(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("LOG_ROTATION", said)
    with pytest.raises(SettingsFault, match="LOG_ROTATION"):
        Settings.load()


def test_a_file_cannot_be_removed_sooner_than_the_next_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOG_RETENTION", "23 hours")
    with pytest.raises(SettingsFault, match="LOG_ROTATION <= LOG_RETENTION"):
        Settings.load()


def test_up_keeps_files_below_data_dir_unless_told_otherwise(
    settings: Settings, tmp_path: Path
) -> None:
    for said, kept in (
        (LogSettings(), str(tmp_path / "logs")),
        (LogSettings(log_dir=tmp_path / "mine"), None),
        (LogSettings(log_dir=None), None),
    ):
        hall = _UpHall(replace(settings, hall=HallSettings(data_dir=tmp_path), log=said))
        hall._premises.establish()
        assert hall._environment().get("LOG_DIR") == kept
