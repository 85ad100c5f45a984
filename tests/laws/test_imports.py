"""The import contracts of `pyproject.toml`, run with the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_ERROR, EXIT_STATUS_SUCCESS, lint_imports

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

BROKEN = """
[tool.importlinter]
root_package = "guildhall"
[[tool.importlinter.contracts]]
name = "Upside down"
type = "layers"
layers = ["guildhall.kernel", "guildhall.infra"]
"""


def test_every_import_contract_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    kept = lint_imports(str(PYPROJECT), no_cache=True, no_logo=True) == EXIT_STATUS_SUCCESS
    assert kept, capsys.readouterr().out


def test_the_law_of_imports_sees_a_layer_upside_down(tmp_path: Path) -> None:
    wrong = tmp_path / "pyproject.toml"
    wrong.write_text(BROKEN)
    assert lint_imports(str(wrong), no_cache=True, no_logo=True) == EXIT_STATUS_ERROR
