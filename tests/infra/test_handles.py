"""Handles: what was not made here reads as nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.infra.handles import mint, read_handle
from guildhall.kernel.ids import new_id

IDS = (new_id(), new_id())
TEXT, KEPT = mint("ghk", *IDS)


def test_a_handle_says_whose_it_is_and_hashes_to_what_is_kept() -> None:
    handle = read_handle(TEXT, "ghk", 2)
    assert handle is not None
    assert handle.ids == IDS
    assert handle.secret_hash == KEPT
    assert TEXT.encode() not in KEPT


def test_two_handles_for_one_place_differ() -> None:
    assert mint("ghk", *IDS)[0] != mint("ghk", *IDS)[0]


@pytest.mark.parametrize("position", range(4, len(TEXT)))
def test_a_character_that_was_mistyped_is_noticed(position: int) -> None:
    wrong = "A" if TEXT[position] != "A" else "B"
    assert read_handle(TEXT[:position] + wrong + TEXT[position + 1 :], "ghk", 2) is None


WRONG = {
    "empty": "",
    "a prefix": "ghk",
    "a prefix and no more": "ghk_",
    "cut": TEXT[:-1],
    "longer": TEXT + "A",
    "in capitals": TEXT.upper(),
    "after a space": f" {TEXT}",
    "of another kind": TEXT.replace("ghk", "ghx"),
    "padded": TEXT + "=" * 8,
    "not ASCII": "ghk_" + "ä" * 92,
    "NULs": "ghk_" + "\x00" * 92,
    "with fewer ids": mint("ghk", IDS[0])[0],
    "huge": TEXT * 1000,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_was_not_made_here_reads_as_nothing(wrong: str) -> None:
    assert read_handle(wrong, "ghk", 2) is None


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    assert read_handle(text, "ghk", 2) is None
    assert read_handle(f"ghk_{text}", "ghk", 2) is None
