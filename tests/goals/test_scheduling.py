"""Placing work: always valid, best where it says so, and true about what has no day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.plans import compare
from guildhall.goals.scheduling import Calendar, Placement, Why, Work, greedy, place, violations
from guildhall.goals.scheduling.greedy import Problem
from tests.goals.generated import FIRST_DAY, a_day_missed, a_goal, a_year

D = [FIRST_DAY + timedelta(days=offset) for offset in range(10)]


def days(*minutes: int) -> Calendar:
    return Calendar(dict(zip(D, minutes, strict=False)))


def piece(key: str, minutes: int = 30, latest: date = D[9], **more: object) -> Work:
    depends_on = more.pop("after", "")
    assert isinstance(depends_on, str)
    return Work(key, minutes, latest, depends_on=frozenset(depends_on.split()), **more)  # type: ignore[arg-type]


def test_work_comes_early_in_order_and_fills_gaps() -> None:
    work = [piece("a", 40), piece("b", 40), piece("c", 20), piece("d", 30)]
    placement = place(work, days(60, 60, 60))
    assert dict(placement.days) == {"a": D[0], "c": D[0], "b": D[1], "d": D[2]}
    assert placement.optimal
    assert not placement.unplaced


def test_what_is_due_first_comes_first_whatever_the_order_given() -> None:
    work = [piece("later", 60), piece("soon", 60, latest=D[0])]
    assert dict(place(work, days(60, 60)).days) == {"soon": D[0], "later": D[1]}


def test_what_comes_before_something_urgent_is_urgent() -> None:
    work = [piece("x", 60), piece("first", 60), piece("urgent", 60, latest=D[1], after="first")]
    assert dict(place(work, days(60, 60, 60)).days) == {"first": D[0], "urgent": D[1], "x": D[2]}


def test_dependent_work_may_share_a_day_in_its_order() -> None:
    work = [piece("b", after="a"), piece("a")]
    placement = place(work, days(60, 60))
    assert list(placement.days.items()) == [("a", D[0]), ("b", D[0])]


def test_dependencies_on_what_is_not_there_are_taken_as_done() -> None:
    assert dict(place([piece("b", after="done-long-ago")], days(60)).days) == {"b": D[0]}


def test_two_pieces_with_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="same key"):
        place([piece("a"), piece("a")], days(60))


@pytest.mark.parametrize(
    ("work", "calendar", "why"),
    [
        (piece("a", latest=FIRST_DAY - timedelta(days=1)), days(60), Why.TOO_LATE),
        (piece("a", 90), days(60, 60), Why.TOO_LONG),
        (piece("a"), days(), Why.TOO_LONG),
        (piece("a", 50, latest=D[0]), days(40, 60), Why.NO_ROOM),
        (piece("a", earliest=D[3], latest=D[2]), days(60, 60, 60, 60), Why.NO_ROOM),
        (piece("a", after="a"), days(60), Why.WAITS_FOR_UNPLACED),
    ],
)
def test_what_has_no_day_has_its_reason(work: Work, calendar: Calendar, why: Why) -> None:
    placement = place([work], calendar)
    assert dict(placement.unplaced) == {"a": why}
    assert not violations([work], calendar, placement)


def test_a_circle_waits_for_itself_and_holds_up_nothing_else() -> None:
    work = [piece("a", after="b"), piece("b", after="a"), piece("c")]
    placement = place(work, days(60))
    assert dict(placement.days) == {"c": D[0]}
    assert set(placement.unplaced.values()) == {Why.WAITS_FOR_UNPLACED}


def test_weight_decides_what_is_left_out() -> None:
    work = [piece("first", 60), piece("heavy", 60, weight=5)]
    placement = place(work, days(60))
    assert dict(placement.days) == {"heavy": D[0]}
    assert dict(placement.unplaced) == {"first": Why.NO_ROOM}
    assert placement.optimal


def test_two_light_ones_outweigh_a_middling_one() -> None:
    work = [piece("big", 60, weight=3), piece("a", weight=2), piece("b", weight=2)]
    assert set(place(work, days(60)).days) == {"a", "b"}


def test_nothing_is_placed_without_what_it_depends_on() -> None:
    work = [piece("base", 60), piece("top", 20, weight=9, after="base"), piece("other", 60)]
    placement = place(work, days(60, 60, 0))
    assert not {"top"} & set(placement.days) or "base" in placement.days
    assert not violations(work, days(60, 60, 0), placement)


def test_first_fit_alone_would_leave_out_what_the_solver_places() -> None:
    """First fit fills the first day with 20 and 30, and then has no day for one of the 40s."""
    work = [piece("a", 20), piece("b", 30), piece("c", 40), piece("d", 30)]
    calendar = days(60, 60)
    assert greedy(work, calendar).unplaced
    placement = place(work, calendar)
    assert not placement.unplaced
    assert placement.optimal


def test_what_stood_on_a_day_stays_unless_it_has_to_move() -> None:
    work = [piece("a", was_on=D[2]), piece("b", was_on=D[1]), piece("new")]
    placement = place(work, days(30, 60, 60))
    assert dict(placement.days) == {"new": D[0], "b": D[1], "a": D[2]}


def test_the_fewest_minutes_move_when_a_day_gets_short() -> None:
    work = [piece("a", 40, was_on=D[0]), piece("b", 20, was_on=D[0]), piece("c", 60, was_on=D[1])]
    placement = place(work, days(40, 60, 60))
    assert dict(placement.days) == {"a": D[0], "c": D[1], "b": D[2]}
    assert placement.optimal


def test_a_deadline_is_kept_even_if_something_has_to_move_for_it() -> None:
    work = [piece("stood", 60, was_on=D[0]), piece("due", 60, latest=D[0])]
    assert dict(place(work, days(60, 60)).days) == {"due": D[0], "stood": D[1]}


# A small world, in which every placement can be tried.
pieces = st.builds(
    Work,
    key=st.just(""),
    minutes=st.sampled_from((10, 20, 30, 40)),
    latest=st.sampled_from(D[:3]),
    earliest=st.sampled_from((None, None, D[0], D[1])),
    weight=st.integers(1, 3),
    was_on=st.sampled_from((None, None, *D[:3])),
)


@st.composite
def small_worlds(draw: st.DrawFn) -> tuple[list[Work], Calendar]:
    work = []
    for position, item in enumerate(draw(st.lists(pieces, max_size=5))):
        before = draw(st.sets(st.sampled_from(range(position)), max_size=2)) if position else set()
        depends_on = frozenset(f"t{other}" for other in before)
        work.append(replace(item, key=f"t{position}", depends_on=depends_on))
    order = draw(st.permutations(work))
    return list(order), days(*draw(st.lists(st.sampled_from((0, 30, 40, 60)), max_size=3)))


def value(work: list[Work], calendar: Calendar, on: dict[str, date]) -> tuple[int, int]:
    """What the first two goals of `place` make of a placement, counted apart from it."""
    free = calendar.free_minutes
    left_out = sum(item.weight for item in work if item.key not in on)
    moved = sum(
        item.minutes
        for item in work
        if item.was_on is not None
        and free.get(item.was_on, 0) >= item.minutes
        and (item.earliest or item.was_on) <= item.was_on <= item.latest
        and on.get(item.key) != item.was_on
        and not hopeless(item, work, calendar)
    )
    return left_out, moved


def hopeless(item: Work, work: list[Work], calendar: Calendar) -> bool:
    by_key = {other.key: other for other in work}
    alone = any(
        item.minutes <= minutes and (item.earliest or day) <= day <= item.latest
        for day, minutes in calendar.free_minutes.items()
    )
    return not alone or any(hopeless(by_key[key], work, calendar) for key in item.depends_on)


def is_valid(work: list[Work], calendar: Calendar, on: dict[str, date]) -> bool:
    return all(
        sum(item.minutes for item in work if on.get(item.key) == day) <= minutes
        for day, minutes in calendar.free_minutes.items()
    ) and all(
        (item.earliest or on[item.key]) <= on[item.key] <= item.latest
        and all(key in on and on[key] <= on[item.key] for key in item.depends_on)
        for item in work
        if item.key in on
    )


@settings(max_examples=60, deadline=None)
@given(small_worlds())
def test_no_placement_of_a_small_world_is_better(world: tuple[list[Work], Calendar]) -> None:
    work, calendar = world
    placement = place(work, calendar)
    assert not violations(work, calendar, placement)
    assert placement.optimal
    keys = [item.key for item in work]
    choices = [None, *calendar.free_minutes]
    best = min(
        value(work, calendar, on)
        for chosen in product(choices, repeat=len(keys))
        if is_valid(
            work, calendar, on := {k: d for k, d in zip(keys, chosen, strict=True) if d is not None}
        )
    )
    assert value(work, calendar, dict(placement.days)) == best


@settings(max_examples=60, deadline=None)
@given(small_worlds())
def test_nothing_of_a_small_world_could_be_earlier_in_order(
    world: tuple[list[Work], Calendar],
) -> None:
    """The third goal: in the order of `Problem`, no list of days comes before the one found."""
    work, calendar = world
    problem = Problem.of(work, calendar)
    everyday = [*problem.days, None]
    best = min(
        (
            problem.score(chosen)
            for chosen in product(range(problem.nowhere + 1), repeat=len(problem.keys))
            if is_valid(
                work,
                calendar,
                {
                    key: day
                    for key, number in zip(problem.keys, chosen, strict=True)
                    if (day := everyday[number]) is not None
                },
            )
        ),
        default=(0, 0, ()),
    )
    on = place(work, calendar).days
    found = [everyday.index(on.get(key)) for key in problem.keys]
    assert problem.score(found) == best


@settings(max_examples=100, deadline=None)
@given(small_worlds())
def test_the_order_is_by_what_is_due_and_after_what_it_depends_on(
    world: tuple[list[Work], Calendar],
) -> None:
    work, calendar = world
    problem = Problem.of(work, calendar)
    by_key = {item.key: item for item in work}

    def due(key: str) -> date:
        waiting = [item.key for item in work if key in item.depends_on]
        return min([by_key[key].latest, *map(due, waiting)])

    assert [due(key) for key in problem.keys] == sorted(due(key) for key in problem.keys)
    for position, key in enumerate(problem.keys):
        assert by_key[key].depends_on <= set(problem.keys[:position])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_a_goal_placed_twice_is_placed_the_same_and_breaks_nothing(seed: int) -> None:
    case = a_goal(seed)
    if len(case.work) > 60:
        case = replace(case, work=case.work[:60])
    placement = place(case.work, case.calendar, seconds=30)
    assert not violations(case.work, case.calendar, placement)
    again = place(case.work, case.calendar, seconds=30)
    assert (again.days, again.unplaced) == (placement.days, placement.unplaced)
    assert list(again.days) == list(placement.days)
    by_hand = greedy(case.work, case.calendar)
    assert not violations(case.work, case.calendar, by_hand)
    weights = {item.key: item.weight for item in case.work}
    assert sum(weights[k] for k in placement.days) >= sum(weights[k] for k in by_hand.days)


@pytest.mark.parametrize("seed", range(40))
def test_a_missed_day_is_made_up_for_without_breaking_anything(seed: int) -> None:
    case = a_day_missed(seed)
    assert not violations(case.work, case.calendar, place(case.work, case.calendar))


@pytest.mark.parametrize("load", [0.5, 0.98])
def test_a_year_of_500_tasks_is_placed(load: float) -> None:
    case = a_year(1, load=load)
    placement = place(case.work, case.calendar)
    assert not violations(case.work, case.calendar, placement)
    by_hand = greedy(case.work, case.calendar)
    assert len(placement.days) >= len(by_hand.days)
    if load == 0.5:
        assert placement.optimal
        assert not placement.unplaced


def test_a_hundred_goals_keep_every_rule_and_place_more_than_by_hand_or_raw() -> None:
    tallies = compare(100, seconds=0.2)
    hall, by_hand, raw = tallies["hall"], tallies["greedy"], tallies["raw"]
    assert hall.kept == hall.plans == 100
    assert by_hand.kept == 100
    assert raw.kept < 20
    assert hall.weight > by_hand.weight > raw.weight
    assert hall.minutes > raw.minutes
    assert hall.whole >= by_hand.whole > raw.whole


def test_no_time_at_all_still_gives_a_valid_placement() -> None:
    case = a_goal(5)
    placement = place(case.work, case.calendar, seconds=0)
    assert not violations(case.work, case.calendar, placement)
    assert not placement.optimal


WORK = [piece("a"), piece("b", 60, latest=D[1], after="a"), piece("c", earliest=D[1])]


@pytest.mark.parametrize(
    ("on", "unplaced", "said"),
    [
        ({"a": D[0], "b": D[1]}, {}, "c must have either"),
        ({"a": D[0], "b": D[1], "c": D[2]}, {"c": Why.NO_ROOM}, "c must have either"),
        ({"a": D[0], "b": D[1], "c": D[1]}, {}, "has 90 minutes of work and 60 free"),
        ({"a": D[0], "b": D[2], "c": D[2]}, {}, "after its latest day"),
        ({"c": D[0], "a": D[0], "b": D[1]}, {}, "before its earliest day"),
        ({"b": D[0], "a": D[1], "c": D[2]}, {}, "b is on 2026-03-02, before a"),
        ({"b": D[1], "c": D[2]}, {"a": Why.NO_ROOM}, "a, which comes first, has none"),
        ({"a": D[0], "b": D[1], "c": D[2], "z": D[2]}, {}, "z is not among the work"),
        ({"b": D[1], "a": D[0], "c": D[2]}, {}, "not in order"),
        ({"a": D[0], "b": D[1]}, {"c": Why.NO_ROOM}, "no_room is not the reason"),
        ({"a": D[0], "b": D[1]}, {"c": Why.TOO_LATE}, "too_late is not the reason"),
        ({"a": D[0], "b": D[1]}, {"c": Why.TOO_LONG}, "too_long is not the reason"),
        ({"a": D[0], "b": D[1]}, {"c": Why.WAITS_FOR_UNPLACED}, "is not the reason"),
    ],
)
def test_every_breach_is_told(on: dict[str, date], unplaced: dict[str, Why], said: str) -> None:
    told = violations(WORK, days(60, 60, 60), Placement(on, unplaced, optimal=False))
    assert any(said in line for line in told), told
