"""The lock on DATA_DIR: one owner of its servers at a time, and who that is.

It is an flock, so it ends with its holder however that dies. Children do not inherit it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from guildhall.infra.embedded.secrets import write_privately

__all__ = ["HallLock", "Occupancy"]


@dataclass(frozen=True)
class Occupancy:
    """Who holds the lock. `serving` says that the named servers can be used by others.

    `processes` gives the pid of each process of a running hall, for whoever wants to look.
    """

    pid: int
    kind: Literal["hall", "command"]
    url: str | None
    postgres: bool
    valkey: bool
    serving: bool
    processes: dict[str, int] = field(default_factory=dict)


class HallLock:
    """The lock of one DATA_DIR."""

    def __init__(self, run: Path) -> None:
        self._path = run / "hall.lock"
        self._state = run / "hall.json"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock, unless somebody has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back, and leave no word of having had it."""
        self._state.unlink(missing_ok=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def occupancy(self) -> Occupancy | None:
        """Tell who holds the lock; to a new holder, who died with it."""
        try:
            return Occupancy(**json.loads(self._state.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def announce(self, occupancy: Occupancy) -> None:
        """Say who holds the lock."""
        draft = self._state.with_suffix(".draft")
        with contextlib.suppress(OSError):  # It is for messages; a full disk shall not stop us.
            write_privately(draft, json.dumps(asdict(occupancy)))
            draft.replace(self._state)
