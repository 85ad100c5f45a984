"""Cursors: read back as they were made, and whatever else somebody sends is refused."""

from __future__ import annotations

import base64
import string
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.kernel.paging import CursorUnreadable, cursor_of, position_in
from tests.factories import Person
from tests.world import Client

KINDS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(1 << 63) + 1, (1 << 63) - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(st.characters(exclude_categories=["Cs"])),
    UUID: st.uuids(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}
positions = st.lists(
    st.sampled_from(list(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind])),
    max_size=4,
)
kinds = st.lists(st.sampled_from(list(KINDS)), max_size=3)


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


@given(positions)
def test_a_cursor_is_read_back_as_it_was_made(position: list[tuple[Any, Any]]) -> None:
    cursor = cursor_of(*(value for _, value in position))
    read = position_in(cursor, *(kind for kind, _ in position))
    assert list(read) == [value for _, value in position]
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")


def gives_its_kinds_or_is_refused(cursor: str, wanted: list[Any]) -> None:
    try:
        read = position_in(cursor, *wanted)
    except CursorUnreadable:
        return
    assert [type(value) for value in read] == [
        type(value) if kind is float else kind for kind, value in zip(wanted, read, strict=True)
    ]


@given(st.text(), kinds)
def test_any_text_is_a_cursor_or_is_refused(text: str, wanted: list[Any]) -> None:
    gives_its_kinds_or_is_refused(text, wanted)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(1 << 63), (1 << 64) - 1)
        | st.floats()
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    kinds,
)
def test_any_forged_position_is_a_cursor_or_is_refused(forged: Any, wanted: list[Any]) -> None:
    try:
        cursor = packed(forged)
    except orjson.JSONEncodeError:
        return
    gives_its_kinds_or_is_refused(cursor, wanted)


@pytest.mark.parametrize(
    ("forged", "wanted"),
    [
        ([], [int]),
        ([1, 2], [int]),
        (["1"], [int]),
        ([True], [int]),
        ([1.5], [int]),
        ([1 << 63], [int]),
        ([1], [str]),
        (["x"], [UUID]),
        ([None], [UUID]),
        ([{"a": 1}], [UUID]),
        (["2031-13-01"], [datetime]),
        ({"0": 1}, [int]),
        ("1", [int]),
    ],
)
def test_a_forged_position_is_refused(forged: Any, wanted: list[Any]) -> None:
    with pytest.raises(CursorUnreadable):
        position_in(packed(forged), *wanted)


async def test_a_list_says_that_it_did_not_give_out_this_cursor(
    client: Client, member: Person
) -> None:
    for cursor in ("forged", cursor_of("not an id"), cursor_of(member.id) + "A", "%00"):
        answer = await client.of(member).get("/task-executions", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["error"]) == (422, "cursor_unreadable"), cursor
