"""Figures: what was measured, what it is compared with, and whether that is enough."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Figure", "print_table", "progress", "write"]

LATEST = Path(__file__).parent / "latest.json"


@dataclass(frozen=True)
class Figure:
    """One measured value. `met` is None for a figure that has no goal."""

    name: str
    value: float | None
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None

    @classmethod
    def against(
        cls, name: str, value: float, unit: str, baseline: float, *, at_least: float | None = None
    ) -> Figure:
        """Compare with a baseline of which more is better."""
        ratio = value / baseline if baseline else 0.0
        if at_least is None:
            return cls(name, value, unit, baseline, ratio)
        return cls(name, value, unit, baseline, ratio, f"ratio >= {at_least:g}", ratio >= at_least)

    @classmethod
    def growth(
        cls, name: str, value: float, unit: str, baseline: float, ratio: float, *, below: float
    ) -> Figure:
        """Compare a size with the smallest one; `ratio` says how much worse it is."""
        return cls(name, value, unit, baseline, ratio, f"ratio < {below:g}", ratio < below)


def write(figures: Sequence[Figure], path: Path = LATEST) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def print_table(figures: Sequence[Figure]) -> None:
    """Print the figures for a person."""
    rows = [("", "value", "baseline", "ratio", "goal", "met")]
    rows += [
        (
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            _number(figure.baseline),
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            figure.goal or "",
            {None: "", True: "yes", False: "NO"}[figure.met],
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = (
            cell.ljust(width) if column in (0, 4, 5) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())


def progress(line: str) -> None:
    """Say what is going on, apart from the results."""
    print(f"  · {line}", file=sys.stderr, flush=True)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"
