"""The page of all settings, `docs/settings.md`, written from what their classes say.

python -m guildhall.infra.settings.page > docs/settings.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from guildhall.infra.settings import Settings
from guildhall.infra.settings.base import Concern

__all__ = ["settings_page"]

OPENING = """\
# Settings

Environment variables, or lines `NAME=value` of a file `.env` in the folder that the hall is started
from; the environment wins. `guildhall up` needs none of them. If one is wrong, nothing starts, and
every fault is named at once. How they work together: [operations.md](operations.md).

<!-- Written by `python -m guildhall.infra.settings.page > docs/settings.md`; a test looks. -->
"""


def settings_page() -> str:
    """Give the page: a table for each concern, a line for each setting."""
    concerns: list[type[Concern]] = list(get_type_hints(Settings).values())
    return "\n".join([OPENING, *(line for concern in concerns for line in _table(concern))])


def _table(concern: type[Concern]) -> Iterator[str]:
    title, _, rest = (inspect.getdoc(concern) or concern.__name__).partition(".")
    yield f"## {title}\n"
    if rest.strip():
        yield f"{rest.strip()}\n"
    yield "| Setting | Default | What it does |\n| --- | --- | --- |"
    for name, field in concern.model_fields.items():
        said = (field.description or "").replace("|", r"\|")
        yield f"| `{name.upper()}` | {_default(field)} | {said}{_choices(field)} |"
    yield ""


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == ():
        return ""
    if isinstance(value, timedelta):
        return "`1 day`" if value.days == 1 else f"`{value.days} days`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _choices(field: FieldInfo) -> str:
    """Name what may be chosen from, where the description leaves it open."""
    if get_origin(field.annotation) is not Literal:
        return ""
    choices = [f"`{choice}`" for choice in get_args(field.annotation)]
    if all(choice in (field.description or "") for choice in choices):
        return ""
    return f" One of {', '.join(choices)}."


if __name__ == "__main__":
    sys.stdout.write(settings_page())
