"""The face of a slice is what it says it is, and the only way in."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from types import ModuleType

from tests.laws.sources import SRC, Trees, source_trees, trees_of

NOT_SLICES = {"kernel", "infra", "entrypoints", "content", "migrations", "web"}
SLICES = sorted(
    path.parent.name for path in SRC.glob("*/__init__.py") if path.parent.name not in NOT_SLICES
)

# Run by path, never imported for their names.
SCRIPTS = {"__main__.py", "infra/embedded/launch.py"}


def module_of(path: str) -> ModuleType:
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return importlib.import_module("guildhall" if name == "__init__" else f"guildhall.{name}")


def faults_of_lists(path: str, tree: ast.Module, module: object) -> Iterator[str]:
    """Compare a module's `__all__` with what is there, and with what it defines in public."""
    public = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    }
    listed = getattr(module, "__all__", None)
    if listed is None:
        if public:
            yield f"{path}: has no __all__"
        return
    if list(listed) != list(dict.fromkeys(listed)):
        yield f"{path}: lists a name twice"
    for name in listed:
        if not hasattr(module, name):
            yield f"{path}: lists {name}, which is not there"


def entries_by_the_back_door(trees: Trees, slices: list[str]) -> Iterator[str]:
    """Find imports of a slice's inside from outside of it."""
    for path, tree in trees.items():
        home = path.split("/")[0]
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                inside = parts[0] == "guildhall" and len(parts) > 2 and parts[1] in slices
                if inside and parts[1] != home:
                    yield f"{path}: imports {name}"


def unused_names(slice_name: str, trees: Trees, listed: list[str]) -> set[str]:
    """Give the names on a face that nobody outside the slice uses."""
    used = set[str]()
    for path, tree in trees.items():
        if path.split("/")[0] == slice_name:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == f"guildhall.{slice_name}":
                used.update(alias.name for alias in node.names)
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == slice_name:
                used.add(node.attr)
    return set(listed) - used


def test_every_module_lists_what_it_offers() -> None:
    found = [
        fault
        for path, tree in source_trees().items()
        if not path.startswith("migrations/") and path not in SCRIPTS
        for fault in faults_of_lists(path, tree, module_of(path))
    ]
    assert found == []


def test_slices_are_entered_by_their_faces_only() -> None:
    assert list(entries_by_the_back_door(source_trees(), SLICES)) == []


def test_what_a_face_offers_is_used() -> None:
    # `Achievement` is the shape that events of other slices have to fit, by type and not by name.
    meant_for_types = {"Achievement"}
    for slice_name in SLICES:
        face = importlib.import_module(f"guildhall.{slice_name}")
        assert unused_names(slice_name, source_trees(), face.__all__) <= meant_for_types, slice_name


def test_the_law_of_faces_sees_each_fault() -> None:
    trees = trees_of(
        goals__service="from guildhall.identity.models import User\nimport guildhall.ai.door",
        identity__service="from guildhall.identity.models import User",
        ai__rules="from guildhall.identity import record",
    )
    assert list(entries_by_the_back_door(trees, ["identity", "ai", "goals"])) == [
        "goals/service.py: imports guildhall.identity.models",
        "goals/service.py: imports guildhall.ai.door",
    ]
    assert unused_names("identity", trees, ["record", "forgotten"]) == {"forgotten"}
    module = ModuleType("fake")
    module.__all__ = ["gone"]  # type: ignore[attr-defined]
    assert list(faults_of_lists("fake.py", ast.parse(""), module)) == [
        "fake.py: lists gone, which is not there"
    ]
    assert list(faults_of_lists("fake.py", ast.parse("def act(): ..."), ModuleType("fake"))) == [
        "fake.py: has no __all__"
    ]
