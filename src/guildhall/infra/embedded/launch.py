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


def launch(parent: str, death_signal: str, uid: str, gid: str, *command: str) -> None:
    """Become the command, as the given account, bound to the parent. Does not return."""
    if uid != NOBODY_ELSE:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        # After the change of account, which clears it. It is sent when the *thread* ends that
        # started us: the supervisor starts its children from its main thread.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(128 + signal.SIGTERM)  # The parent died before the signal was arranged.
    os.umask(0o077)
    try:
        os.execv(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    launch(*sys.argv[1:])
