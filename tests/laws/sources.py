"""The source of the hall, as trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import guildhall

SRC = Path(guildhall.__file__).parent

Trees = Mapping[str, ast.Module]
"""Parsed modules by their path below `guildhall/`."""


@cache
def source_trees() -> Trees:
    return {
        str(path.relative_to(SRC)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SRC.rglob("*.py"))
    }


def trees_of(**sources: str) -> Trees:
    """Parse pretended modules: `slice__module="..."` stands for `slice/module.py`."""
    return {f"{name.replace('__', '/')}.py": ast.parse(source) for name, source in sources.items()}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """Give the last name of what is called: `commit` for `uow.session.commit()`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def texts(tree: ast.AST) -> Iterator[str]:
    """Give every text in a module, f-strings by their constant parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
