"""Ability: what a member's tasks say about the next one."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.goals.ability import Outcome, misfit, replayed, success_chance, updated
from guildhall.kernel.ratings import LEAST_DEVIATION, NEWCOMER, STARTING_RATINGS, Rating

DIFFICULTIES = ["easy", "medium", "hard", "expert"]

ratings = st.builds(Rating, st.floats(500, 2500), st.floats(50, 350), st.integers(0, 1000))
difficulties = st.sampled_from(DIFFICULTIES)
logs = st.lists(
    st.builds(Outcome, st.sampled_from("abcdefgh"), difficulties, st.booleans()), max_size=30
)


@given(ratings)
def test_harder_tasks_are_less_likely_to_be_finished(ability: Rating) -> None:
    chances = [success_chance(ability, difficulty) for difficulty in DIFFICULTIES]
    assert all(easier > harder for easier, harder in pairwise(chances))
    assert all(0 < chance < 1 for chance in chances)


def test_a_newcomer_is_as_likely_as_not_to_finish_a_medium_task() -> None:
    assert success_chance(NEWCOMER, "medium") == pytest.approx(0.5)


@given(ratings, difficulties, difficulties)
def test_a_finished_task_makes_every_task_likelier_and_a_missed_one_less(
    ability: Rating, tried: str, next_one: str
) -> None:
    before = Rating(ability.rating, LEAST_DEVIATION)
    finished, missed = updated(before, tried, True), updated(before, tried, False)
    chances = [success_chance(one, next_one) for one in (missed, before, finished)]
    assert chances == sorted(chances)
    assert chances[0] < chances[2]


def test_missing_an_easy_task_says_more_than_missing_a_hard_one() -> None:
    assert updated(NEWCOMER, "easy", False).rating < updated(NEWCOMER, "hard", False).rating
    assert updated(NEWCOMER, "easy", True).rating < updated(NEWCOMER, "hard", True).rating


@given(logs)
def test_only_the_first_outcome_of_a_task_counts(log: list[Outcome]) -> None:
    firsts = list({outcome.task: outcome for outcome in reversed(log)}.values())
    in_order = [outcome for outcome in log if any(outcome is first for first in firsts)]
    assert replayed(log) == replayed(in_order)
    assert replayed(log).games == len({outcome.task for outcome in log})


@given(logs)
def test_a_log_replayed_is_the_same_as_going_step_by_step(log: list[Outcome]) -> None:
    ability = NEWCOMER
    for position, outcome in enumerate(log):
        ability = updated(ability, outcome.difficulty, outcome.finished)
        distinct = [
            Outcome(str(number), one.difficulty, one.finished)
            for number, one in enumerate(log[: position + 1])
        ]
        assert replayed(distinct) == ability


@pytest.mark.parametrize("truth", [1200, 1500, 1800, 2100])
def test_a_hundred_tasks_tell_how_able_somebody_is(truth: int) -> None:
    """Over forty members of one true ability, each difficulty is finished as often as foretold."""
    draw = random.Random(truth)
    off = dict.fromkeys(DIFFICULTIES, 0.0)
    for _ in range(40):
        ability = NEWCOMER
        for difficulty in DIFFICULTIES * 25:
            real = 1 / (1 + 10 ** ((STARTING_RATINGS[difficulty].rating - truth) / 400))
            ability = updated(ability, difficulty, draw.random() < real)
        for difficulty in DIFFICULTIES:
            real = 1 / (1 + 10 ** ((STARTING_RATINGS[difficulty].rating - truth) / 400))
            off[difficulty] += (success_chance(ability, difficulty) - real) / 40
    assert all(abs(difference) < 0.08 for difference in off.values()), off


@pytest.mark.parametrize(
    ("predicted", "expected"), [(0.5, 0.2), (0.7, 0), (0.78, 0), (0.85, 0), (0.95, 0.1)]
)
def test_a_chance_fits_between_dull_and_disheartening(predicted: float, expected: float) -> None:
    assert misfit(predicted) == pytest.approx(expected)
