"""What a component asks of its style sheet is there, and nothing is there that nobody asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import dirname, join, normpath

WEB = Path(__file__).resolve().parents[2] / "web" / "src"

IMPORT = re.compile(r'import (\w+) from "([^"]+\.module\.css)"')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
PRELUDE = re.compile(r"([^{};]+)\{")
GLOBAL = re.compile(r":global\((?:[^()]|\([^()]*\))*\)")
CLASS = re.compile(r"\.([A-Za-z_][\w-]*)")

Files = Mapping[str, str]
"""Texts by their path below `web/src/`."""


def sources() -> Files:
    return {
        path.relative_to(WEB).as_posix(): path.read_text(encoding="utf-8")
        for pattern in ("*.ts", "*.tsx", "*.module.css")
        for path in sorted(WEB.rglob(pattern))
    }


def classes_of(sheet: str) -> set[str]:
    """Give the classes that a style sheet has rules for."""
    preludes = PRELUDE.findall(COMMENT.sub("", sheet))
    selectors = [each for each in preludes if not each.strip().startswith("@")]
    return {name for each in selectors for name in CLASS.findall(GLOBAL.sub("", each))}


def askings(path: str, source: str) -> Iterator[tuple[str, str]]:
    """Give the style sheets that a module imports, each with a class that it asks of it.

    A class that is computed stands as `[`: no law, and no reader, can tell which that is.
    """
    written = IMPORT.sub("", source)
    for local, where in IMPORT.findall(source):
        sheet = normpath(join(dirname(path), where))
        for name in re.findall(rf"(?<![\w.:\"'`]){local}(?:\.(\w+)|(\[))", written):
            yield sheet, "".join(name)


def faults(files: Files) -> list[str]:
    """Tell of classes that are missing, computed or left over."""
    defined = {path: classes_of(text) for path, text in files.items() if path.endswith(".css")}
    asked: dict[str, set[str]] = {path: set() for path in defined}
    found = []
    for path, text in files.items():
        if path.endswith(".css"):
            continue
        for sheet, name in sorted(set(askings(path, text))):
            if name == "[":
                found.append(f"{path}: asks {sheet} for a class that is computed")
            elif name not in defined.get(sheet, set()):
                found.append(f"{path}: {sheet} has no .{name}")
            asked.setdefault(sheet, set()).add(name)
    left_over = {path: names - asked[path] for path, names in defined.items()}
    found += [
        f"{path}: nobody asks for .{name}"
        for path, names in left_over.items()
        for name in sorted(names)
    ]
    return found


def test_style_sheets_have_what_is_asked_for_and_nothing_else() -> None:
    files = sources()
    assert len(files) > 50
    assert faults(files) == []


def test_the_law_sees_what_is_missing_computed_and_left_over() -> None:
    component = (
        'import css from "./Card.module.css";\n'
        'import text from "../parts/text.module.css";\n'
        "<p className={`${css.card} ${css[tone]} ${other.text.page} ${text.gone}`} />"
    )
    sheet = ".card:not(.wide, :global(.theirs)) { margin: 0.5rem; } /* .old {} */"
    shared = "@media (width < 40.5rem) { .page { gap: 0.25em; } }"
    files = {"rooms/Card.tsx": component, "rooms/Card.module.css": sheet}
    assert faults(files | {"parts/text.module.css": shared}) == [
        "rooms/Card.tsx: parts/text.module.css has no .gone",
        "rooms/Card.tsx: asks rooms/Card.module.css for a class that is computed",
        "rooms/Card.module.css: nobody asks for .wide",
        "parts/text.module.css: nobody asks for .page",
    ]


def test_the_law_is_content_with_what_fits() -> None:
    component = 'import css from "./Card.module.css";\n<p className={css.card}>{box.css.size}</p>'
    assert faults({"Card.tsx": component, "Card.module.css": ".card {} .card > p {}"}) == []
