"""Capacity: members whose true capacity is known here, and is to be found out."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.goals.capacity import (
    LEAST_MINUTES,
    MOST_OF_DECLARED,
    SLACK_SHARE,
    Capacity,
    DayRecord,
    learned,
)

MONDAY = date(2026, 1, 5)
EVERY_DAY = range(7)

histories = st.lists(
    st.builds(
        DayRecord,
        st.dates(date(2025, 1, 1), date(2026, 12, 31)),
        st.integers(0, 300),
        st.integers(0, 300),
    ),
    max_size=40,
)
declarations = st.integers(1, 1440)


def by_what_is_learned(capacity: Capacity) -> int:
    return capacity.plannable_minutes


def lived(
    truth: Sequence[float],
    declared: int,
    weeks: int,
    seed: int,
    *,
    planned: Callable[[Capacity], int] = by_what_is_learned,
) -> list[DayRecord]:
    """Let a member live, a quarter up or down from their capacity, with plans made week by week."""
    draw = random.Random(seed)
    history: list[DayRecord] = []
    for week in range(weeks):
        capacities = learned(history, declared)
        for weekday in EVERY_DAY:
            plan = planned(capacities[weekday])
            there_was = max(0.0, draw.gauss(truth[weekday], truth[weekday] / 4))
            day = MONDAY + timedelta(weeks=week, days=weekday)
            history.append(DayRecord(day, plan, round(min(plan, there_was))))
    return history


def mean(capacities: Mapping[int, Capacity]) -> float:
    return sum(capacity.minutes for capacity in capacities.values()) / 7


def same(minutes: float) -> list[float]:
    return [minutes] * 7


def full(capacities: Mapping[int, Capacity]) -> set[int]:
    return {capacity.minutes for capacity in capacities.values()}


def test_without_a_past_what_was_declared_holds() -> None:
    capacities = learned([], 40)
    assert list(capacities) == list(EVERY_DAY)
    assert full(capacities) == {40}
    assert capacities[0].plannable_minutes == 40 * (1 - SLACK_SHARE)
    assert "nothing to learn from yet" in capacities[0].reason


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("truth", "declared"), [(25, 40), (40, 40), (48, 40), (15, 60), (60, 90)])
def test_the_true_capacity_is_found_while_plans_follow_what_is_learned(
    truth: int, declared: int, seed: int
) -> None:
    capacities = learned(lived(same(truth), declared, 12, seed), declared)
    assert mean(capacities) == pytest.approx(truth, abs=max(3, 0.12 * truth))


@pytest.mark.parametrize("seed", range(3))
def test_plans_do_not_shrink_week_by_week_for_somebody_who_keeps_their_word(seed: int) -> None:
    weekly = [mean(learned(lived(same(40), 40, weeks, seed), 40)) for weeks in (4, 8, 16, 24)]
    assert all(minutes > 35 for minutes in weekly), weekly
    assert weekly[-1] > 38, weekly


def test_finishing_a_small_plan_does_not_make_for_a_small_capacity() -> None:
    history = [DayRecord(MONDAY + timedelta(days=n), 15, 15) for n in range(56)]
    assert all(minutes >= 40 for minutes in full(learned(history, 40)))


def test_finishing_plans_well_below_the_capacity_still_speaks_for_it() -> None:
    history = [DayRecord(MONDAY + timedelta(days=n), 21, 21) for n in range(56)]
    assert all(minutes > 41 for minutes in full(learned(history, 40)))


def test_no_day_holds_more_than_a_day() -> None:
    history = [DayRecord(MONDAY + timedelta(days=n), 1440, 1440) for n in range(56)]
    assert max(full(learned(history, 1400))) == 1440


def test_finishing_more_than_was_declared_raises_it_up_to_a_limit() -> None:
    history = [DayRecord(MONDAY + timedelta(days=n), 50, 120) for n in range(56)]
    assert full(learned(history, 40)) == {50}


@pytest.mark.parametrize(
    ("planned", "least", "most"),
    [
        pytest.param(lambda _: 60, 42, 53, id="plans show all there is"),
        # Finishing 35 minutes over and over shows only that there are more of them.
        pytest.param(by_what_is_learned, 37, 53, id="plans follow what is learned"),
    ],
)
def test_weekdays_that_differ_are_told_apart(
    planned: Callable[[Capacity], int], least: int, most: int
) -> None:
    truth = [20.0] * 5 + [50.0] * 2
    members = [learned(lived(truth, 45, 16, seed, planned=planned), 45) for seed in range(6)]
    found = [sum(member[day].minutes for member in members) / 6 for day in EVERY_DAY]
    assert all(minutes == pytest.approx(20, abs=5) for minutes in found[:5]), found
    assert all(least < minutes < most for minutes in found[5:]), found


@pytest.mark.parametrize("seed", range(3))
def test_a_week_of_illness_that_nobody_reported_does_not_become_a_habit(seed: int) -> None:
    well = lived(same(40), 40, 8, seed)
    ill = [replace(record, done_minutes=0) for record in well[-7:]]
    before, after = learned(well, 40), learned(well[:-7] + ill, 40)
    assert mean(after) > 0.8 * mean(before)


def test_a_day_far_off_pulls_no_harder_than_one_that_is_off() -> None:
    good = [DayRecord(MONDAY + timedelta(days=n), 60, 50) for n in range(28)]
    bad = MONDAY + timedelta(days=28)
    far, further = (learned([*good, DayRecord(bad, 60, done)], 60) for done in (20, 0))
    assert {day: one.minutes for day, one in far.items()} == {
        day: one.minutes for day, one in further.items()
    }


@pytest.mark.parametrize("done", [0, 10, 400])
def test_a_few_days_change_little(done: int) -> None:
    history = [DayRecord(MONDAY + timedelta(days=n), 40, done) for n in range(2)]
    assert all(abs(minutes - 40) <= 12 for minutes in full(learned(history, 40)))


def test_who_changes_is_followed() -> None:
    before = lived(same(40), 40, 20, 1)
    for weeks, most in ((4, 35), (12, 27)):
        moved = [
            DayRecord(before[-1].day + timedelta(days=n + 1), 36, 20) for n in range(7 * weeks)
        ]
        assert mean(learned(before + moved, 40)) < most


@given(histories, declarations)
def test_a_capacity_keeps_within_its_bounds(history: list[DayRecord], declared: int) -> None:
    for capacity in learned(history, declared).values():
        least = min(LEAST_MINUTES, declared)
        assert least <= capacity.minutes <= min(MOST_OF_DECLARED * declared + 0.5, 24 * 60)
        assert least <= capacity.plannable_minutes <= capacity.minutes
        assert capacity.plannable_minutes <= max(least, capacity.minutes * (1 - SLACK_SHARE))
        assert capacity.reason.endswith(".")


@given(histories, declarations, st.data())
def test_doing_more_on_a_day_never_lowers_the_capacity(
    history: list[DayRecord], declared: int, data: st.DataObject
) -> None:
    if not history:
        return
    at = data.draw(st.integers(0, len(history) - 1))
    more = replace(history[at], done_minutes=history[at].done_minutes + 30)
    if history[at].planned_minutes == 0 and history[at].done_minutes == 0:
        return  # Such a day says nothing; after it the others may count as older.
    before = learned(history, declared)
    after = learned([*history[:at], more, *history[at + 1 :]], declared)
    weekday = more.day.weekday()
    assert after[weekday].minutes >= before[weekday].minutes - 1  # The spread moves with it.


@given(histories, declarations)
def test_the_order_of_the_days_does_not_matter(history: list[DayRecord], declared: int) -> None:
    def minutes(days: list[DayRecord]) -> list[int]:
        return [capacity.minutes for capacity in learned(days, declared).values()]

    assert minutes(history[::-1]) == pytest.approx(minutes(history), abs=1)


@given(histories, declarations)
def test_a_day_without_plan_and_without_work_says_nothing(
    history: list[DayRecord], declared: int
) -> None:
    told = learned(history, declared)
    empty = DayRecord(date(2027, 1, 1), 0, 0)
    assert learned([*history, empty], declared) == told


def test_each_weekday_says_why() -> None:
    history = [
        DayRecord(MONDAY, 40, 20),
        DayRecord(MONDAY + timedelta(weeks=1), 40, 40),
        DayRecord(MONDAY + timedelta(days=1), 40, 40),
        DayRecord(MONDAY + timedelta(days=2), 40, 10),
    ]
    told = learned(history, 40)
    assert told[0].reason == (
        "On 2 Mondays you did 30 minutes on average and finished everything on 1; you had said 40."
    )
    assert told[1].reason == "You finished everything on 1 Tuesday, 40 minutes on average."
    assert "finished everything on none" in told[2].reason
    assert told[3].reason.startswith("No Thursdays yet; your other days point to ")
