"""Ratings: who is how able, what is how hard."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.challenges.rules import LEAST_DEVIATION, NEWCOMER, Rating, chance, rated

ratings = st.builds(Rating, st.floats(0, 3500), st.floats(50, 350), st.integers(0, 1000))
scores = st.floats(0, 1)


def test_a_meeting_is_reckoned_as_in_glickmans_paper() -> None:
    """The worked example of "The Glicko system" (1999): three games at once, here one by one."""
    won = rated(Rating(1500, 200), Rating(1400, 30), 1)
    assert won.rating == pytest.approx(1563.6, abs=0.5)
    assert won.deviation == pytest.approx(175.2, abs=0.5)


@given(ratings, ratings)
def test_chances_of_both_sides_add_up_to_one(one: Rating, other: Rating) -> None:
    assert chance(one, other) + chance(other, one) == pytest.approx(1)
    assert 0 <= chance(one, other) <= 1


@given(ratings, ratings, ratings)
def test_the_abler_has_the_better_chance(one: Rating, other: Rating, challenge: Rating) -> None:
    a, b = Rating(one.rating, 100), Rating(other.rating, 100)
    if a.rating > b.rating:
        assert chance(a, challenge) >= chance(b, challenge)


@given(ratings, ratings, scores)
def test_a_better_score_never_lowers_the_rating_below_a_worse_one(
    one: Rating, other: Rating, score: float
) -> None:
    assert rated(one, other, score).rating <= rated(one, other, 1).rating
    assert rated(one, other, score).rating >= rated(one, other, 0).rating


@given(ratings, ratings)
def test_a_win_raises_and_a_loss_lowers(one: Rating, other: Rating) -> None:
    assert rated(one, other, 1).rating >= one.rating
    assert rated(one, other, 0).rating <= one.rating


@given(ratings, ratings, scores)
def test_every_game_makes_more_certain_down_to_a_floor(
    one: Rating, other: Rating, score: float
) -> None:
    after = rated(one, other, score)
    assert LEAST_DEVIATION <= after.deviation <= max(one.deviation, LEAST_DEVIATION)
    assert after.games == one.games + 1
    assert math.isfinite(after.rating)


@given(ratings, scores)
def test_the_certain_move_less(other: Rating, score: float) -> None:
    sure, unsure = Rating(1500, 60), Rating(1500, 300)
    moved = [abs(rated(who, other, score).rating - who.rating) for who in (sure, unsure)]
    assert moved[0] <= moved[1] + 1e-9


def test_nobody_knows_how_a_newcomer_fares_against_a_middling_challenge() -> None:
    assert chance(NEWCOMER, Rating(1500, 250)) == pytest.approx(0.5)
