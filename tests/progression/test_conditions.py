"""Conditions of badges: read, refused with a path, met or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.progression.conditions import ATTEMPT_TOPIC, Facts, parse, totals
from guildhall.progression.errors import ConditionInvalid

XP = {"type": "xp", "threshold": 1000}
FACTS = Facts(
    total_xp=1000,
    longest_streak=7,
    domain_xp={"tools": 300},
    counts=totals(
        [
            (ATTEMPT_TOPIC, "passed", "tools", 3),
            (ATTEMPT_TOPIC, "passed", None, 4),
            (ATTEMPT_TOPIC, "failed", "tools", 2),
            ("progression.badge_earned", None, None, 5),
        ]
    ),
)
NO = {"type": "xp", "threshold": 1001}


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        (XP, True), (NO, False),
        ({"type": "xp", "threshold": 300, "domain": "tools"}, True),
        ({"type": "xp", "threshold": 301, "domain": "tools"}, False),
        ({"type": "xp", "threshold": 1, "domain": "nowhere"}, False),
        ({"type": "attempt_count", "count": 9}, True),
        ({"type": "attempt_count", "count": 10}, False),
        ({"type": "attempt_count", "count": 7, "status": "passed"}, True),
        ({"type": "attempt_count", "count": 8, "status": "passed"}, False),
        ({"type": "attempt_count", "count": 2, "status": "failed", "domain": "tools"}, True),
        ({"type": "attempt_count", "count": 4, "status": "passed", "domain": "tools"}, False),
        ({"type": "consecutive_days", "days": 7}, True),
        ({"type": "consecutive_days", "days": 8}, False),
        ({"type": "event_count", "event": "progression.badge_earned", "count": 5}, True),
        ({"type": "event_count", "event": "progression.badge_earned", "count": 6}, False),
        ({"type": "all", "of": [XP, XP]}, True), ({"type": "all", "of": [XP, NO]}, False),
        ({"type": "any", "of": [NO, XP]}, True), ({"type": "any", "of": [NO, NO]}, False),
        ({"type": "not", "of": NO}, True), ({"type": "not", "of": XP}, False),
        ({"type": "all", "conditions": [XP, {"type": "not", "condition": NO}]}, True),
    ],
)  # fmt: skip
def test_a_condition_is_met_from_its_number_on(condition: dict[str, Any], met: bool) -> None:
    assert parse(condition).met(FACTS) is met


FAR = {"type": "xp", "threshold": 10_000}
GONE = {"type": "not", "of": XP}


@pytest.mark.parametrize(
    ("condition", "counted", "have", "want"),
    [
        (FAR, "xp", 1000, 10_000),
        ({"type": "xp", "threshold": 400, "domain": "tools"}, "xp", 300, 400),
        ({"type": "attempt_count", "count": 10}, "attempts", 9, 10),
        ({"type": "attempt_count", "count": 8, "status": "passed"}, "passed", 7, 8),
        # The longest run was of 7 days, and is over; the one that counts now has 2.
        ({"type": "consecutive_days", "days": 8}, "days", 2, 8),
        ({"type": "event_count", "event": "progression.badge_earned", "count": 6}, "events", 5, 6),
        ({"type": "all", "of": [NO, FAR, XP]}, "xp", 1000, 10_000),
        ({"type": "any", "of": [FAR, NO]}, "xp", 1000, 1001),
        ({"type": "any", "of": [GONE, NO]}, "xp", 1000, 1001),
        ({"type": "all", "of": [{"type": "not", "of": NO}, FAR]}, "xp", 1000, 10_000),
    ],
)  # fmt: skip
def test_how_far_one_has_come_is_told_by_what_is_furthest_behind(
    condition: dict[str, Any], counted: str, have: int, want: int
) -> None:
    reach = parse(condition).reach(replace(FACTS, current_streak=2))
    assert reach is not None
    assert (reach.counted, reach.have, reach.want) == (counted, have, want)


@pytest.mark.parametrize(
    "condition", [GONE, {"type": "all", "of": [FAR, GONE]}, {"type": "any", "of": [GONE, GONE]}]
)
def test_what_can_no_longer_be_met_is_out_of_reach(condition: dict[str, Any]) -> None:
    assert parse(condition).reach(FACTS) is None


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({}, ""), ({"type": "magic"}, ""), (None, ""), ([], ""), ("xp", ""),
        ({"type": "xp"}, "threshold"), ({"type": "xp", "threshold": 0}, "threshold"),
        ({"type": "xp", "threshold": "many"}, "threshold"),
        ({"type": "xp", "threshold": 1, "bonus": 2}, "bonus"),
        ({"type": "attempt_count", "count": 1, "status": "won"}, "status"),
        ({"type": "consecutive_days", "days": 0}, "days"),
        ({"type": "all", "of": []}, "of"), ({"type": "any", "of": XP}, "of"),
        ({"type": "all", "of": [XP, {"type": "xp", "threshold": -1}]}, "of.1.threshold"),
        ({"type": "not", "of": {"type": "any", "of": [{"type": "xp"}]}}, "of.of.0.threshold"),
        ({"type": "event_count", "event": "nobody.tells", "count": 1}, ""),
        ({"type": "all", "of": [{"type": "event_count", "event": "no.no", "count": 1}]}, "of.0"),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_read_is_refused_with_the_path_of_its_fault(
    written: Any, path: str
) -> None:
    with pytest.raises(ConditionInvalid) as refused:
        parse(written, frozenset({"progression.badge_earned"}))
    faults: Any = refused.value.extra["faults"]
    assert path in [fault["path"] for fault in faults]
    assert all(fault["message"] for fault in faults)


def test_conditions_nest_so_deep_and_no_deeper() -> None:
    nested: dict[str, Any] = XP
    for _ in range(7):
        nested = {"type": "not", "of": nested}
    parse(nested)
    with pytest.raises(ConditionInvalid):
        parse({"type": "not", "of": nested})
    for _ in range(3000):
        nested = {"type": "not", "of": nested}
    with pytest.raises((ConditionInvalid, RecursionError)):
        parse(nested)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["xp", "all", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "of", "threshold", "count"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(anything)
def test_whatever_is_written_is_read_or_refused(written: Any) -> None:
    try:
        condition = parse(written)
    except ConditionInvalid:
        return
    assert condition.met(Facts()) in (True, False)
