"""The arithmetic of progression."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.kernel.clock import local_day
from guildhall.progression import rules
from guildhall.progression.rules import Streak, current_streak, streak_of, streak_with

DAY = date(2031, 5, 1)
instants = st.integers(0, 20 * 365 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati",
     "Pacific/Pago_Pago", "Australia/Lord_Howe", "America/St_Johns"]
)  # fmt: skip
offsets = st.sets(st.integers(0, 60), max_size=40)


def days(*numbers: int) -> list[date]:
    return [DAY + timedelta(days=number) for number in numbers]


def run(*numbers: int, paused: tuple[int, ...] = ()) -> Streak:
    return streak_of(days(*numbers), days(*paused))[0]


@pytest.mark.parametrize(
    ("total", "level"),
    [(-50, 1), (0, 1), (99, 1), (100, 2), (399, 2), (400, 3), (899, 3), (900, 4), (1_000_000, 101)],
)
def test_levels_begin_where_the_formula_says(total: int, level: int) -> None:
    assert rules.level_for(total) == level


@given(st.integers(0, 10**15))
def test_a_level_holds_from_its_threshold_to_the_next(total: int) -> None:
    level = rules.level_for(total)
    assert rules.next_level_xp(level - 1) <= total < rules.next_level_xp(level)
    if total < 10**9:
        assert level == math.floor(math.sqrt(total / 100)) + 1


@pytest.mark.parametrize(
    ("xp", "score", "worth"),
    [(100, 85, 85), (1, 50, 1), (1, 49, 0), (3, 50, 2), (33, 33, 11), (0, 100, 0), (100, 0, 0)],
)
def test_a_share_of_xp_is_rounded_half_up(xp: int, score: int, worth: int) -> None:
    assert rules.xp_for_score(xp, score) == worth


@given(st.integers(0, 100_000), st.integers(0, 100), st.integers(0, 100))
def test_more_score_is_never_worth_less_nor_more_than_all(xp: int, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= rules.xp_for_score(xp, low) <= rules.xp_for_score(xp, high) <= xp


RANKS = {"E": 0, "D": 100, "C": 300, "B": 600, "A": 1000, "S": 2000}


@pytest.mark.parametrize(
    ("xp", "rank"),
    [(-1, "E"), (0, "E"), (99, "E"), (100, "D"), (999, "B"), (1000, "A"), (9**9, "S")],
)
def test_a_rank_is_reached_at_its_threshold(xp: int, rank: str) -> None:
    assert rules.rank_for(xp, RANKS) == rank


@pytest.mark.parametrize(
    ("at", "season", "week", "day"),
    [
        (datetime(2030, 12, 31, 23, 59, 59, 999999, UTC), "2030-Q4", "2031-W01", "2030-12-31"),
        (datetime(2031, 1, 1, tzinfo=UTC), "2031-Q1", "2031-W01", "2031-01-01"),
        (datetime(2032, 12, 31, tzinfo=UTC), "2032-Q4", "2032-W53", "2032-12-31"),
        (datetime(2031, 4, 1, 1, tzinfo=UTC), "2031-Q2", "2031-W14", "2031-04-01"),
    ],
)
def test_an_instant_falls_into_one_period_of_each_window(
    at: datetime, season: str, week: str, day: str
) -> None:
    expected = {"all": "all", "season": season, "week": week, "day": day}
    assert rules.periods_at(at) == expected


@given(instants)
def test_a_season_holds_its_instants_and_the_next_begins_where_it_ends(at: datetime) -> None:
    starts, ends = rules.season_bounds(rules.periods_at(at)["season"])
    assert starts <= at < ends
    assert rules.periods_at(ends)["season"] != rules.periods_at(at)["season"]
    assert rules.season_bounds(rules.periods_at(ends)["season"])[0] == ends


@pytest.mark.parametrize(
    ("active", "paused", "length"),
    [
        ((0, 1, 2), (), 3),
        ((0, 1, 3), (), 1),
        ((0, 1, 3), (2,), 3),
        ((0, 5), (1, 2, 3, 4), 2),
        ((0, 5), (1, 2, 3), 1),
        ((0, 1, 2, 3, 4, 5, 6, 8), (), 8),
        ((0, 1, 2, 3, 4, 5, 6, 9), (), 1),
        ((*range(14), 16), (), 15),
        ((*range(14), 17), (), 1),
        ((*range(21), 24), (), 1),
        ((*range(7), 8, 10), (), 1),
    ],
)
def test_a_run_survives_pauses_and_as_many_missed_days_as_there_are_freezes(
    active: tuple[int, ...], paused: tuple[int, ...], length: int
) -> None:
    assert run(*active, paused=paused).days == length


def test_a_freeze_is_earned_every_seventh_day_kept_to_two_and_really_spent() -> None:
    assert [run(*range(n)).freezes for n in (6, 7, 13, 14, 21, 70)] == [0, 1, 1, 2, 2, 2]
    streak, frozen = streak_of(days(*range(14), 16), [])
    assert (streak.freezes, frozen) == (0 + streak.freezes, set(days(14, 15)) - {days(16)[0]})
    assert streak.freezes == 2 - len(frozen)


@given(offsets, offsets)
def test_the_order_of_telling_does_not_change_a_history(active: set[int], paused: set[int]) -> None:
    told = days(*active)
    assert streak_of(told, days(*paused)) == streak_of(told[::-1] * 2, days(*paused))


@given(offsets, offsets)
def test_a_history_step_by_step_is_the_history_at_once(active: set[int], paused: set[int]) -> None:
    streak = Streak()
    for day in sorted(days(*active)):
        streak = streak_with(streak, day, days(*paused))
    assert streak == streak_of(days(*active), days(*paused))[0]


@given(offsets, offsets)
def test_a_streak_is_never_longer_than_the_days_lived_nor_than_its_longest(
    active: set[int], paused: set[int]
) -> None:
    streak, frozen = streak_of(days(*active), days(*paused))
    assert streak.days <= streak.longest <= len(active)
    assert 0 <= streak.freezes <= rules.MOST_FREEZES
    assert not frozen & set(days(*active))
    assert not frozen & set(days(*paused))


@given(offsets.filter(bool), offsets, st.integers(0, 60))
def test_pausing_a_day_more_never_shortens_the_current_run(
    active: set[int], paused: set[int], extra: int
) -> None:
    """Freezes saved by the pause can only help; a run that held still holds."""
    unpaused = run(*active, paused=tuple(paused))
    more = run(*active, paused=(*paused, extra))
    if unpaused.days == len(active):
        assert more.days == len(active)


@given(offsets)
def test_the_same_day_twice_counts_once(active: set[int]) -> None:
    streak = run(*active)
    if streak.last_day is not None:
        again = streak_with(streak, streak.last_day, ())
        assert (again.days, again.longest, again.freezes) == (
            streak.days,
            streak.longest,
            streak.freezes,
        )


def test_a_run_stands_today_and_ends_when_a_whole_day_was_missed() -> None:
    streak = run(0, 1, 2)
    assert [current_streak(streak, DAY + timedelta(days=n), ()) for n in (2, 3, 4, 5)] == [
        3,
        3,
        0,
        0,
    ]
    assert current_streak(streak, DAY + timedelta(days=5), days(3, 4)) == 3
    assert current_streak(Streak(), DAY, ()) == 0


@pytest.mark.parametrize(
    ("zone", "starts_at", "at", "day"),
    [
        ("UTC", 0, datetime(2031, 5, 1, 23, 59, tzinfo=UTC), date(2031, 5, 1)),
        ("UTC", 4, datetime(2031, 5, 2, 3, 59, tzinfo=UTC), date(2031, 5, 1)),
        ("UTC", 4, datetime(2031, 5, 2, 4, 0, tzinfo=UTC), date(2031, 5, 2)),
        ("Pacific/Kiritimati", 0, datetime(2031, 5, 1, 10, tzinfo=UTC), date(2031, 5, 2)),
        ("Pacific/Pago_Pago", 0, datetime(2031, 5, 1, 10, tzinfo=UTC), date(2031, 4, 30)),
        # Berlin, clocks forward on 2031-03-30 at 02:00 and back on 2031-10-26 at 03:00.
        ("Europe/Berlin", 3, datetime(2031, 3, 30, 0, 59, tzinfo=UTC), date(2031, 3, 29)),
        ("Europe/Berlin", 3, datetime(2031, 3, 30, 1, 0, tzinfo=UTC), date(2031, 3, 30)),
        ("Europe/Berlin", 3, datetime(2031, 10, 26, 1, 59, tzinfo=UTC), date(2031, 10, 25)),
        ("Europe/Berlin", 3, datetime(2031, 10, 26, 2, 0, tzinfo=UTC), date(2031, 10, 26)),
    ],
)
def test_a_local_day_begins_at_its_hour_of_the_wall_clock(
    zone: str, starts_at: int, at: datetime, day: date
) -> None:
    assert local_day(at, zone, starts_at) == day


@given(zones, st.integers(0, 23), instants)
def test_a_daily_habit_at_one_hour_of_the_wall_clock_survives_every_dst_change(
    zone: str, starts_at: int, at: datetime
) -> None:
    """Noon after noon of the wall clock, whatever happens to the clocks at night."""
    noon = at.astimezone(ZoneInfo(zone)).replace(hour=23, minute=30)
    lived = [local_day(noon + timedelta(days=n), zone, starts_at) for n in range(10)]
    assert streak_of(lived, ())[0].days == 10


@given(zones, st.integers(0, 23), instants, st.integers(0, 48 * 60))
def test_local_days_never_go_backwards_by_more_than_the_clocks_do(
    zone: str, starts_at: int, at: datetime, minutes: int
) -> None:
    later = at + timedelta(minutes=minutes)
    before, after = local_day(at, zone, starts_at), local_day(later, zone, starts_at)
    assert after >= before or (before - after == timedelta(days=1) and minutes <= 60)
