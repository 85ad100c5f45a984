"""Instances that fit a JSON schema: the smallest that are not empty, and the same each time."""

from __future__ import annotations

import re._constants as regex
import re._parser as parser
from collections.abc import Mapping
from itertools import count
from typing import Any

__all__ = ["instance"]

Schema = Mapping[str, Any]

FORMATS = {
    "date": "2031-05-14",
    "date-time": "2031-05-14T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "email": "somebody@example.org",
    "uri": "https://example.org/",
}
PRINTABLE = [chr(code) for code in range(ord(" "), ord("~") + 1)]
CATEGORIES = {
    regex.CATEGORY_DIGIT: "0123456789",
    regex.CATEGORY_SPACE: " ",
    regex.CATEGORY_WORD: "abcdefghijklmnopqrstuvwxyz",
}


def instance(schema: Schema, sentence: str = "Words that fit") -> Any:
    """Give a value that fits the schema; free texts begin with the sentence and differ."""
    return _Maker(schema, sentence).make(schema)


class _Maker:
    def __init__(self, root: Schema, sentence: str) -> None:
        self._root = root
        self._sentence = sentence
        self._numbers = count(1)

    def make(self, schema: Schema) -> Any:
        if "$ref" in schema:
            return self.make(self._resolve(schema["$ref"]))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        for branches in ("anyOf", "oneOf"):
            if branches in schema:
                chosen = [one for one in schema[branches] if one.get("type") != "null"]
                return self.make({**_without(schema, branches), **chosen[0]}) if chosen else None
        if "allOf" in schema:
            merged: dict[str, Any] = _without(schema, "allOf")
            for part in schema["allOf"]:
                merged |= self._resolve(part["$ref"]) if "$ref" in part else part
            return self.make(merged)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next(one for one in kind if one != "null")
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
        return self._text(schema)

    def _resolve(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found  # type: ignore[no-any-return]  # a schema is JSON

    def _object(self, schema: Schema) -> dict[str, Any]:
        properties = schema.get("properties", {})
        return {name: self.make(properties.get(name, {})) for name in schema.get("required", ())}

    def _array(self, schema: Schema) -> list[Any]:
        if "prefixItems" in schema:
            return [self.make(item) for item in schema["prefixItems"]]
        return [self.make(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]

    def _text(self, schema: Schema) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        number = next(self._numbers)
        if "pattern" in schema:
            return _matching(parser.parse(schema["pattern"]), number)
        text = f"{self._sentence} {number}"
        text = text.ljust(schema.get("minLength", 0), ".")
        return text[: schema.get("maxLength", len(text))]


def _without(schema: Schema, name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def _number(schema: Schema, *, whole: bool) -> float:
    step = schema.get("multipleOf", 1)
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is None:
        least = step if most is None or most > step else most - step
    if not whole and "multipleOf" not in schema and "minimum" in schema:
        return float(least)
    if least == schema.get("exclusiveMinimum"):
        least += step
    value = -(-least // step) * step
    return int(value) if whole else float(value)


def _matching(parsed: Any, number: int) -> str:
    """Give a short text that a regular expression matches, another one for another number."""
    text = ""
    for operation, argument in parsed:
        match operation:
            case regex.LITERAL:
                text += chr(argument)
            case regex.IN:
                letters = _letters(argument)
                text += letters[number % len(letters)]
            case regex.ANY:
                text += "x"
            case regex.MAX_REPEAT | regex.MIN_REPEAT:
                least, most, repeated = argument
                times = max(least, min(3, most))
                text += "".join(_matching(repeated, number // 7**n) for n in range(times))
            case regex.SUBPATTERN:
                text += _matching(argument[-1], number)
            case regex.BRANCH:
                text += _matching(argument[1][0], number)
            case regex.CATEGORY:
                text += CATEGORIES[argument][0]
            case regex.AT:
                pass
            case _:
                raise NotImplementedError(f"{operation} in a pattern")
    return text


def _letters(argument: Any) -> list[str]:
    negated = argument[0][0] is regex.NEGATE
    letters: list[str] = []
    for operation, value in argument[1:] if negated else argument:
        match operation:
            case regex.LITERAL:
                letters.append(chr(value))
            case regex.RANGE:
                letters += (chr(code) for code in range(value[0], value[1] + 1))
            case regex.CATEGORY:
                letters += CATEGORIES[value]
    return [letter for letter in PRINTABLE if letter not in letters] if negated else letters
