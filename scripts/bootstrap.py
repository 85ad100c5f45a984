# ruff: noqa: INP001  # a script, in no package
"""Bring `.venv` to what `uv.lock` says, on a machine that has only Python.

    python3 scripts/bootstrap.py [--dev]

`--dev` adds what tests and checks need. Does nothing, in a few milliseconds, when nothing changed.
Standard library only, and written so that an old Python can still read it far enough to be told.
"""

import argparse
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
# In the environment's directory, yet outside its packages: `uv sync` removes what is not locked,
# uv and pip included.
INSTALLER = VENV / "installer"
INSTALLER_STAMP = INSTALLER / "installed"
RUNTIME, DEV = "runtime", "dev"
LOCKED = (ROOT / "uv.lock", ROOT / "pyproject.toml")
INSTALLER_LOCKED = ROOT / "requirements-bootstrap.txt"


def main():
    parser = argparse.ArgumentParser(description="Bring .venv to what uv.lock says.")
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    wanted = DEV if parser.parse_args().dev else RUNTIME
    if is_current(wanted):
        return
    check_python()
    if not is_usable():
        say("making .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
        shutil.rmtree(VENV, ignore_errors=True)
        run(sys.executable, "-m", "venv", "--without-pip", VENV)
    if not INSTALLER_STAMP.exists() or INSTALLER_STAMP.read_text() != digest(INSTALLER_LOCKED):
        install_installer()
    # Who has the tools for tests keeps them: `make up` shall not take away what `make test` needs.
    selection = DEV if wanted == DEV or stamp(DEV).exists() else RUNTIME
    say("installing what uv.lock says")
    for which in (RUNTIME, DEV):
        stamp(which).unlink(missing_ok=True)
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    environment["UV_PROJECT_ENVIRONMENT"] = str(VENV)
    run(
        INSTALLER / "bin" / "uv",
        "sync",
        "--frozen",
        "--quiet",
        "--compile-bytecode",  # or the first start would do it
        "--extra=embedded",
        "--group=web",  # Node, to build the web app
        "--dev" if selection == DEV else "--no-dev",
        "--python={}".format(VENV / "bin" / "python"),
        "--no-python-downloads",
        *(["--system-certs"] if has_system_certificates() else []),
        env=environment,
    )
    stamp(selection).write_text(fingerprint())


def is_current(wanted):
    """Tell whether the last installation was of these files, here, and of enough."""
    return any(
        stamp(which).exists() and stamp(which).read_text() == fingerprint()
        for which in ([DEV] if wanted == DEV else [RUNTIME, DEV])
    )


def is_usable():
    """Tell whether there is an environment that runs; its Python may have been removed."""
    python = VENV / "bin" / "python"
    try:
        return (
            subprocess.run(  # noqa: S603  # the one that we made
                [python, "-I", "-c", ""], check=False
            ).returncode
            == 0
        )
    except OSError:
        return False


def has_system_certificates():
    """Tell whether to trust what this machine trusts (a company's own authority, say)."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def install_installer():
    say("fetching uv")
    shutil.rmtree(INSTALLER, ignore_errors=True)
    run(sys.executable, "-m", "venv", INSTALLER)
    run(
        INSTALLER / "bin" / "python",
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--require-hashes", "--only-binary=:all:", "--requirement", INSTALLER_LOCKED),
    )
    INSTALLER_STAMP.write_text(digest(INSTALLER_LOCKED))


def stamp(which):
    return VENV / f".installed-{which}"


def fingerprint():
    """Name the inputs. The place is one of them: scripts in an environment carry its path."""
    return f"{ROOT} {digest(*LOCKED)}"


def digest(*files):
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def check_python():
    if sys.version_info < OLDEST:
        refuse(
            "Guildhall needs Python {}.{} or newer; this is {}.{} ({}). Name another with"
            " `make PYTHON=/path/to/python3 …`.".format(
                *OLDEST, *sys.version_info[:2], sys.executable
            )
        )
    try:
        import ensurepip  # noqa: F401, PLC0415  # whether it is there is the question
        import venv  # noqa: F401, PLC0415
    except ImportError:
        refuse(
            f"{sys.executable} cannot make environments: its module `ensurepip` is missing (on"
            " Debian and Ubuntu: apt install python3-venv). Name another Python with"
            " `make PYTHON=/path/to/python3 …`."
        )
    if sysconfig.get_platform().startswith("win"):
        refuse("Guildhall runs on Linux and macOS; on Windows use WSL.")


def run(*command, env=None):
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=ROOT, env=env, check=False)  # noqa: S603  # ours alone
    if done.returncode != 0:
        sys.exit(done.returncode)


def say(words):
    sys.stderr.write(f"guildhall: {words}\n")


def refuse(words):
    say(words)
    sys.exit(2)


if __name__ == "__main__":
    main()
