"""Reviews: days and pass or fail, turned into when something is due again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.goals.reviews import (
    DESIRED_RETENTION,
    LONGEST_INTERVAL_DAYS,
    Card,
    replayed,
    retrievability,
    reviewed,
)
from guildhall.kernel.clock import local_day

START = date(2026, 1, 1)

days = st.dates(date(2020, 1, 1), date(2030, 1, 1))
gaps = st.integers(-2, 400)
histories = st.lists(st.tuples(gaps, st.booleans()), min_size=1, max_size=25)


def log_of(history: list[tuple[int, bool]]) -> list[tuple[date, bool]]:
    day, log = START, []
    for gap, passed in history:
        day += timedelta(days=gap)
        log.append((day, passed))
    return log


def card_of(history: list[tuple[int, bool]]) -> Card:
    card = replayed(log_of(history))
    assert card is not None
    return card


def interval(card: Card) -> int:
    return (card.due_day - card.last_day).days


def test_passing_whenever_it_is_due_spaces_a_thing_out_as_fsrs_6_does() -> None:
    card = reviewed(None, START, True)
    intervals = [interval(card)]
    for _ in range(5):
        card = reviewed(card, card.due_day, True)
        intervals.append(interval(card))
    assert intervals == [2, 11, 46, 163, 365, 365]
    assert (card.passes, card.lapses) == (6, 0)


def test_a_thing_failed_at_first_is_due_tomorrow() -> None:
    card = reviewed(None, START, False)
    assert card.due_day == START + timedelta(days=1)
    assert (card.passes, card.lapses) == (0, 1)


def test_without_a_review_there_is_no_card() -> None:
    assert replayed([]) is None


@given(histories)
def test_replaying_the_log_is_the_same_as_going_step_by_step(
    history: list[tuple[int, bool]],
) -> None:
    card = None
    for position, (day, passed) in enumerate(log_of(history), start=1):
        card = reviewed(card, day, passed)
        assert card == replayed(log_of(history)[:position])


@given(histories, st.integers(0, 400))
def test_a_pass_never_shortens_and_a_fail_never_lengthens(
    history: list[tuple[int, bool]], gap: int
) -> None:
    before = card_of(history)
    day = before.last_day + timedelta(days=gap)
    passed, failed = reviewed(before, day, True), reviewed(before, day, False)
    assert interval(passed) >= interval(before)
    assert interval(failed) <= interval(before)
    assert failed.stability <= before.stability <= passed.stability
    assert (passed.passes, passed.lapses) == (before.passes + 1, before.lapses)
    assert (failed.passes, failed.lapses) == (before.passes, before.lapses + 1)


@given(histories)
def test_what_is_due_lies_ahead_and_within_the_longest_interval(
    history: list[tuple[int, bool]],
) -> None:
    assert 1 <= interval(card_of(history)) <= LONGEST_INTERVAL_DAYS


@given(histories)
def test_it_is_due_when_the_chance_that_it_is_known_falls_to_what_is_wanted(
    history: list[tuple[int, bool]],
) -> None:
    card = card_of(history)
    if 1 < interval(card) < LONGEST_INTERVAL_DAYS:
        the_day_before = retrievability(card, card.due_day - timedelta(days=1))
        the_day_after = retrievability(card, card.due_day + timedelta(days=1))
        assert the_day_after < DESIRED_RETENTION < the_day_before


@given(histories, st.integers(0, 1000), st.integers(1, 1000))
def test_what_is_not_gone_over_is_forgotten_little_by_little(
    history: list[tuple[int, bool]], gap: int, more: int
) -> None:
    card = card_of(history)
    sooner = retrievability(card, card.last_day + timedelta(days=gap))
    later = retrievability(card, card.last_day + timedelta(days=gap + more))
    assert 0 < later < sooner <= 1


@given(histories)
def test_on_the_day_of_a_review_and_before_it_everything_is_known(
    history: list[tuple[int, bool]],
) -> None:
    card = card_of(history)
    assert retrievability(card, card.last_day) == 1
    assert retrievability(card, card.last_day - timedelta(days=3)) == 1


@given(histories, st.integers(1, 400), st.booleans())
def test_a_day_before_the_last_review_counts_as_the_day_of_that_review(
    history: list[tuple[int, bool]], days_back: int, passed: bool
) -> None:
    card = card_of(history)
    earlier = card.last_day - timedelta(days=days_back)
    assert reviewed(card, earlier, passed) == reviewed(card, card.last_day, passed)


@given(st.lists(st.booleans(), min_size=2, max_size=30))
def test_reviews_on_one_day_never_trap_a_card(on_one_day: list[bool]) -> None:
    """Py-FSRS's own learning steps keep such a card at minutes; here it always moves on."""
    card = replayed([(START, passed) for passed in on_one_day])
    assert card is not None
    for _ in range(12):
        assert card.due_day > card.last_day
        card = reviewed(card, card.due_day, True)
    assert interval(card) >= 14


def test_passing_all_day_long_does_not_push_a_thing_out_of_sight() -> None:
    once, often = replayed([(START, True)]), replayed([(START, True)] * 30)
    assert once is not None
    assert often is not None
    assert often.due_day == once.due_day


def test_going_over_it_again_on_the_day_it_was_failed_does_not_undo_the_fail() -> None:
    known = card_of([(0, True), (2, True), (11, True)])
    failed = reviewed(known, known.due_day, False)
    again = reviewed(failed, known.due_day, True)
    assert failed.due_day <= again.due_day < reviewed(known, known.due_day, True).due_day


@pytest.mark.parametrize(
    ("zone", "change"),
    [("Europe/Berlin", date(2026, 3, 29)), ("America/New_York", date(2026, 11, 1))],
)
def test_a_night_that_is_an_hour_shorter_or_longer_is_a_night(zone: str, change: date) -> None:
    def evening(day: date) -> date:
        at = datetime(day.year, day.month, day.day, 23, 30, tzinfo=ZoneInfo(zone))
        return local_day(at.astimezone(UTC), zone, 4)

    def chances(first: date) -> list[float]:
        card = reviewed(None, evening(first), True)
        return [retrievability(card, evening(first + timedelta(days=n))) for n in range(5)]

    assert chances(change - timedelta(days=2)) == chances(change - timedelta(days=30))


@given(days, st.booleans())
def test_only_the_distance_of_days_matters(day: date, passed: bool) -> None:
    here = reviewed(reviewed(None, START, True), START + timedelta(days=9), passed)
    there = reviewed(reviewed(None, day, True), day + timedelta(days=9), passed)
    assert (here.stability, here.difficulty) == (there.stability, there.difficulty)
    assert interval(here) == interval(there)
