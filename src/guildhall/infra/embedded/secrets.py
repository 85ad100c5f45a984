"""Secrets that the hall makes once and keeps."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["kept_secret", "write_privately"]

SECRET_BYTES = 48


def kept_secret(path: Path) -> tuple[str, bool]:
    """Give the secret in a file, and whether it was made just now.

    A crash leaves the whole secret or none. Two who make it at once agree on one.
    """
    try:
        return path.read_text().strip(), False
    except FileNotFoundError:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        write_privately(draft, f"{secrets.token_urlsafe(SECRET_BYTES)}\n")
    try:
        path.hardlink_to(draft)
        made = True
    except FileExistsError:
        made = False
    finally:
        draft.unlink()
    _sync(path.parent)
    return path.read_text().strip(), made


def write_privately(path: Path, content: str) -> None:
    """Write a new file that only we can read, and have it on disk before returning."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
