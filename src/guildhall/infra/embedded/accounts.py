"""The account that the servers run as when the hall is started by root, whom PostgreSQL refuses."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Account", "service_account"]

PREFERRED = ("guildhall", "postgres")
LAST_RESORT = "nobody"


@dataclass(frozen=True)
class Account:
    """An account without rights of its own."""

    name: str
    uid: int
    gid: int

    def may_enter(self, directory: Path) -> bool:
        """Try whether it can reach a directory. Mode bits alone would not tell: there are ACLs."""
        return self._succeeds("/bin/sh", "-c", 'cd "$1"', "sh", str(directory))

    def can_run(self, program: Path) -> bool:
        """Try whether it can run a program and load its libraries."""
        return self._succeeds(str(program), "--version")

    def _succeeds(self, *command: str) -> bool:
        try:
            return (
                subprocess.run(  # noqa: S603  # our own programs
                    command,
                    user=self.uid,
                    group=self.gid,
                    extra_groups=[],
                    cwd="/",
                    env={"PATH": os.defpath},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                ).returncode
                == 0
            )
        except OSError:
            return False


def service_account(belongings: Path) -> Account | None:
    """Give whom the servers must run as, or None when that is ourselves.

    For root: who owns the database that is there already; else an account `guildhall` or
    `postgres`; else a new `guildhall`; and where none can be made (a read-only /etc), `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if belongings.exists() and (uid := belongings.stat().st_uid) != 0:
        return _by_uid(uid, belongings.stat().st_gid)
    return (
        next(filter(None, map(_by_name, PREFERRED)), None)
        or _created(PREFERRED[0])
        or _by_name(LAST_RESORT)
        or Account(LAST_RESORT, 65534, 65534)
    )


def _by_uid(uid: int, gid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, gid)  # made in a container, or by an account since removed
    return Account(entry.pw_name, uid, entry.pw_gid)


def _by_name(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None


def _created(name: str) -> Account | None:
    program = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if program is None:
        return None
    subprocess.run(  # noqa: S603  # a program of the system
        [program, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name],
        capture_output=True,
        check=False,
    )
    return _by_name(name)
