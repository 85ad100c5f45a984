"""Prompts: files of a slice, each version for ever the same.

`<slice>/prompts/<name>.v<version>.md` begins with YAML between two lines of `---`, which declares
what goes in; the rest is the instructions, word for word. Nothing is ever put into them: what a
member wrote travels beside them, as data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeVar

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guildhall.infra.llm import Question, Said

__all__ = ["Prompt", "PromptInput", "PromptInvalid", "PromptMisused", "load", "parse"]

T = TypeVar("T")

HEAD = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
FILE_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_]*)\.v(?P<version>[1-9]\d*)\.md")
# As str.format, Jinja, Mustache, string.Template and the shell would fill in.
PLACEHOLDER = re.compile(r"\{\{|\{%|\$\{|\{[A-Za-z_]\w*\}|\$[A-Za-z_]|%\([A-Za-z_]\w*\)s|<<\w+>>")


class PromptInvalid(Exception):
    """A prompt's file is not as it has to be. Found when the hall starts."""


class PromptMisused(Exception):
    """A prompt was given something else than it declares."""


class PromptInput(BaseModel):
    """Something that a prompt is given, as data."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    description: str = Field(min_length=3)
    max_length: int = Field(gt=0, le=200_000)
    """In letters; of what is no text, those of its JSON."""


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    version: int = Field(gt=0)
    inputs: dict[str, PromptInput]
    max_output_tokens: int = Field(gt=0, le=32_000)
    tries: int = Field(ge=1, le=5)
    seconds: float = Field(60.0, gt=0, le=600)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Instructions to a model, and what has to go with them."""

    name: str
    """With the slice before it: `goals.plan`."""
    version: int
    instructions: str
    inputs: Mapping[str, PromptInput]
    max_output_tokens: int
    tries: int
    seconds: float
    sha256: str

    def question(
        self,
        data: Mapping[str, Any],
        *,
        answer: type[T],
        offline: Callable[[], T],
        check: Callable[[T], Sequence[str]] | None = None,
        history: Sequence[Said] = (),
        seconds: float | None = None,
    ) -> Question[T]:
        """Make a question of it. `data` has exactly the inputs that the file declares, none longer
        than it says, or PromptMisused is raised."""
        faults = [f"{name}: is not declared" for name in sorted(data.keys() - self.inputs.keys())]
        faults += [f"{name}: is missing" for name in sorted(self.inputs.keys() - data.keys())]
        faults += [
            f"{name}: is longer than {declared.max_length}"
            for name, declared in self.inputs.items()
            if name in data and _length(data[name]) > declared.max_length
        ]
        if faults:
            raise PromptMisused(f"{self.name} v{self.version}: {'; '.join(faults)}")
        return Question(
            instructions=self.instructions,
            data=data,
            answer=answer,
            offline=offline,
            check=check,
            history=history,
            tries=self.tries,
            max_output_tokens=self.max_output_tokens,
            seconds=self.seconds if seconds is None else seconds,
        )


def load(package: str, name: str, version: int) -> Prompt:
    """Give a prompt of a slice: `load("guildhall.goals", "plan", 1)`. Raises PromptInvalid.

    Meant to be called at import, so that a hall with a broken prompt does not start.
    """
    file_name = f"{name}.v{version}.md"
    try:
        content = files(package).joinpath("prompts", file_name).read_bytes()
    except OSError as missing:
        raise PromptInvalid(f"{package}: there is no prompts/{file_name}") from missing
    return parse(package, file_name, content)


def parse(package: str, file_name: str, content: bytes) -> Prompt:
    """Read a prompt's file. Raises PromptInvalid, with every fault."""
    where = f"{package}: prompts/{file_name}"
    named = FILE_NAME.fullmatch(file_name)
    if named is None:
        raise PromptInvalid(f"{where}: is to be named like plan.v1.md")
    try:
        parts = HEAD.match(content.decode())
        if parts is None:
            raise PromptInvalid(f"{where}: begins with YAML between two lines of ---")
        head = _Head.model_validate(yaml.safe_load(parts[1]))
    except (UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise PromptInvalid(f"{where}: {error}") from error
    body = parts[2].strip()
    faults = []
    if (head.name, head.version) != (named["name"], int(named["version"])):
        faults.append("name and version are those of the file's name")
    if any(not re.fullmatch(r"[a-z][a-z0-9_]*", declared) for declared in head.inputs):
        faults.append("inputs are named in snake case")
    if not body:
        faults.append("has no instructions")
    if (placeholder := PLACEHOLDER.search(body)) is not None:
        faults.append(f"{placeholder[0]!r} looks like a placeholder; what goes in is data")
    if faults:
        raise PromptInvalid(f"{where}: {'; '.join(faults)}")
    return Prompt(
        name=f"{package.rpartition('.')[2]}.{head.name}",
        version=head.version,
        instructions=body,
        inputs=head.inputs,
        max_output_tokens=head.max_output_tokens,
        tries=head.tries,
        seconds=head.seconds,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else len(orjson.dumps(value, default=str).decode())
