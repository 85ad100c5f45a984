"""Every event has a reader, every reader an emitter, and every name is one."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from guildhall.entrypoints.wiring import SUBSCRIPTIONS, TASKS
from guildhall.infra.delivery import Subscription
from guildhall.kernel.events import Event
from tests.laws.sources import Trees, called, calls, source_trees, trees_of

NAME = re.compile(r"^[a-z]+(\.[a-z_]+)\.v[1-9]\d*$")


def events_of_the_hall(base: type[Event] = Event) -> Iterator[type[Event]]:
    for event in base.__subclasses__():
        # `slots=True` makes a class twice; only the second one can be found by its name.
        if getattr(sys.modules[event.__module__], event.__name__, None) is event and (
            event.__module__.startswith("guildhall.")
        ):
            yield event
        yield from events_of_the_hall(event)


def emitted(trees: Trees) -> set[str]:
    """Give the names of the classes that are made inside a call of `emit`, or are called there.

    `uow.emit(Happened(...))` and `uow.emit(Happened.of(thing))` both count.
    """
    return {
        node.id
        for tree in trees.values()
        for call in calls(tree)
        for argument in (
            *(call.args if called(call) == "emit" else ()),
            # Told if what was to be done after the commit was not: `after_commit(..., otherwise=)`.
            *(word.value for word in call.keywords if word.arg == "otherwise"),
        )
        for node in ast.walk(argument)
        if isinstance(node, ast.Name)
    }


def unread(events: set[type[Event]], subscriptions: Sequence[Subscription]) -> set[str]:
    return {event.__name__ for event in events - {line.event for line in subscriptions}}


def untold(subscriptions: Sequence[Subscription], trees: Trees) -> set[str]:
    return {line.event.__name__ for line in subscriptions} - emitted(trees)


def test_every_event_is_read_by_somebody() -> None:
    assert unread(set(events_of_the_hall()), SUBSCRIPTIONS) == set()


def test_every_event_that_is_read_is_told_by_somebody() -> None:
    assert untold(SUBSCRIPTIONS, source_trees()) == set()


def test_events_are_named_by_slice_fact_and_version_each_once() -> None:
    events = list(events_of_the_hall())
    assert len({event.name for event in events}) == len(events)
    for event in events:
        assert NAME.match(event.name), event.name
        assert event.name.split(".")[0] == event.__module__.split(".")[1]


def test_a_reader_is_listed_once_per_event_and_on_one_queue() -> None:
    pairs = [(line.event.name, line.reader) for line in SUBSCRIPTIONS]
    assert len(set(pairs)) == len(pairs)
    by_reader = {line.reader: line for line in SUBSCRIPTIONS}
    for line in SUBSCRIPTIONS:
        assert by_reader[line.reader].handler is line.handler
        assert by_reader[line.reader].queue == line.queue


def test_tasks_have_one_definition_each() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS)


def test_events_carry_values_and_never_live_objects() -> None:
    for event in events_of_the_hall():
        assert event.__dataclass_params__.frozen, event  # type: ignore[attr-defined]
        for field in fields(event):
            assert "Mapped" not in str(field.type), field
            assert not {"Session", "UnitOfWork"} & set(re.findall(r"\w+", str(field.type)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyCares(Event):
    name: ClassVar[str] = "laws.nobody_cares.v1"


async def listen(uow: object, events: object) -> None:
    return


def test_the_law_of_events_sees_one_without_reader_and_one_without_emitter() -> None:
    assert unread({NobodyCares}, SUBSCRIPTIONS) == {"NobodyCares"}
    line = Subscription(NobodyCares, listen, "events")
    assert untold([line], trees_of(a="uow.remember(NobodyCares())")) == {"NobodyCares"}
    assert untold([line], trees_of(a="uow.emit(NobodyCares(subject_id=None))")) == set()
