"""Run a command as a child that cannot outlive its parent. A script, run by path.

    python -I -S launch.py PARENT_PID SIGNAL UID GID COMMAND...

It stands between the supervisor and the command because these steps must happen in the child, and
Python's own hook for that (`preexec_fn`) may deadlock once the parent has threads. It costs about
15 ms and then is gone: `execv` puts the command in its place, under the same pid.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NOBODY_ELSE = "-"


def bind_to_parent(parent: int, death_signal: int) -> None:
    """Arrange to get a signal (0: none) when the parent ends; end at once if it has already.

    Only Linux can do this. The signal comes when the parent's *thread* ends that started us, so a
    supervisor starts its children from its main thread. A change of account clears it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGTERM)


def launch(parent: str, death_signal: str, uid: str, gid: str, *command: str) -> None:
    """Become the command, as the given account, bound to the parent. Does not return."""
    if uid != NOBODY_ELSE:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    bind_to_parent(int(parent), int(death_signal))
    os.umask(0o077)
    try:
        os.execv(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    launch(*sys.argv[1:])
