"""A post that keeps letters: for a hall that knows no mail server."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog

from guildhall.infra.mail.letters import Letter, mail_of
from guildhall.kernel.clock import Clock
from guildhall.kernel.ids import new_id

__all__ = ["FolderPost"]

log = structlog.get_logger()


class FolderPost:
    """Writes each letter into a file that only the hall's user can read, and into the log."""

    def __init__(self, folder: Path, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, letter: Letter) -> None:
        now = self._clock.now()
        mail = mail_of(letter, self._sender, now)
        path = self._folder / f"{now:%Y%m%dT%H%M%S}-{new_id()}.eml"
        await asyncio.to_thread(_keep, path, mail.as_bytes())
        # The one place where a token may stand in a log: who runs this hall has no other mailbox.
        log.info(
            "mail_kept_in_folder",
            to=letter.to,
            subject=letter.subject,
            path=str(path),
            text=letter.text,
        )


def _keep(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
