# ruff: noqa: INP001  # loaded by Hatch, from its path
"""What Hatch does before it makes a wheel: the web app goes into it, or there is no wheel.

An editable installation is made everywhere, before there is a Node.js; there `make up` builds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

EDITABLE = "editable"


class WebAppHook(BuildHookInterface[Any]):
    """Builds the web app with the environment of this checkout, unless it is built already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the files there, and have them packed although git does not know them."""
        root = Path(self.root)
        if version == EDITABLE:
            return
        if not (root / "web").is_dir():  # In an unpacked sdist, which has the built one.
            if not (root / "src" / "guildhall" / "web_static" / "index.html").is_file():
                raise RuntimeError("This source has neither the web app nor what it is made of.")
            return
        python = root / ".venv" / "bin" / "python"
        build = [python if python.exists() else sys.executable, root / "scripts" / "web.py"]
        if subprocess.run([*build, "--strict"], check=False).returncode != 0:  # noqa: S603
            raise RuntimeError("A wheel has the web app in it, and that could not be built.")
