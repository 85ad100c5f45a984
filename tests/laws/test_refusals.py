"""Every refusal has a stable code of its own and a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import guildhall.entrypoints.api  # noqa: F401  # loads the whole house
from guildhall.infra.http.problems import STATUS
from guildhall.kernel import errors
from guildhall.kernel.errors import Conflict, Refusal

KINDS = {getattr(errors, name) for name in errors.__all__}
SNAKE = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")


def leaves_of_the_hall(base: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for refusal in base.__subclasses__():
        if refusal not in KINDS and refusal.__module__.startswith("guildhall."):
            yield refusal
        yield from leaves_of_the_hall(refusal)


def faults(leaves: Iterable[type[Refusal]]) -> list[str]:
    """Find refusals without a code or a sentence of their own, and codes used twice."""
    found, codes = [], Counter[str]()
    for leaf in leaves:
        code, detail = vars(leaf).get("code"), vars(leaf).get("detail")
        if not isinstance(code, str) or not SNAKE.match(code):
            found.append(f"{leaf.__name__}: code {code!r}")
        else:
            codes[code] += 1
        if not isinstance(detail, str) or not detail.endswith(".") or not detail[0].isupper():
            found.append(f"{leaf.__name__}: detail {detail!r}")
    return found + [f"{code}: used {times} times" for code, times in codes.items() if times > 1]


def test_every_refusal_has_its_own_code_and_a_sentence() -> None:
    leaves = list(leaves_of_the_hall())
    assert len(leaves) > 30
    assert faults(leaves) == []


def test_every_kind_of_refusal_has_a_status() -> None:
    assert set(STATUS) == KINDS - {Refusal}


def test_the_law_of_refusals_sees_each_fault() -> None:
    class Bare(Conflict):
        pass

    class Shouting(Conflict):
        code = "NotSnake"
        detail = "A sentence."

    class One(Conflict):
        code = "same"
        detail = "A sentence."

    class Two(Conflict):
        code = "same"
        detail = "no sentence"

    assert faults([Bare, Shouting, One, Two]) == [
        "Bare: code None",
        "Bare: detail None",
        "Shouting: code 'NotSnake'",
        "Two: detail 'no sentence'",
        "same: used 2 times",
    ]
