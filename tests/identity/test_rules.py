"""When a refresh token is worth something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.identity.rules import Rotation, name_key, rotation

ROTATED = datetime(2031, 1, 1, tzinfo=UTC)
GRACE = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("presented", "seconds_later", "outcome"),
    [
        (5, 0, Rotation.NEW_CHILD),
        (5, 600_000, Rotation.NEW_CHILD),
        (4, 0, Rotation.SAME_CHILD),
        (4, 30, Rotation.SAME_CHILD),
        (4, 30.001, Rotation.END_FAMILY),
        (3, 0, Rotation.END_FAMILY),
        (0, 0, Rotation.END_FAMILY),
        (6, 0, Rotation.END_FAMILY),
        (-1, 0, Rotation.END_FAMILY),
    ],
)
def test_only_the_newest_and_for_a_moment_its_parent_are_worth_anything(
    presented: int, seconds_later: float, outcome: Rotation
) -> None:
    now = ROTATED + timedelta(seconds=seconds_later)
    assert rotation(presented, 5, ROTATED, now, GRACE) is outcome


@given(st.integers(0, 100), st.integers(0, 100), st.floats(0, 1e6))
def test_no_token_but_the_newest_ever_makes_a_new_child(
    presented: int, current: int, seconds: float
) -> None:
    now = ROTATED + timedelta(seconds=seconds)
    outcome = rotation(presented, current, ROTATED, now, GRACE)
    assert (outcome is Rotation.NEW_CHILD) == (presented == current)
    if outcome is Rotation.SAME_CHILD:
        assert presented == current - 1
        assert seconds <= 30.000001


@given(st.text())
def test_a_name_has_one_key_however_it_is_written(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name_key(name_key(name)))
    assert name_key(f" {name} ") == name_key(name)


@pytest.mark.parametrize(("one", "same"), [("Ada", "ADA"), ("straße", "STRASSE"), (" a ", "A")])
def test_case_and_space_around_do_not_make_another_name(one: str, same: str) -> None:
    assert name_key(one) == name_key(same)
