"""Ids sort by the time they were made."""

from __future__ import annotations

import subprocess
import sys
import time
from uuid import RFC_4122, UUID

from guildhall.kernel.ids import new_id


def milliseconds(id_: UUID) -> int:
    """Read the time out of a UUIDv7 (RFC 9562, section 5.7): its first 48 bits."""
    return id_.int >> 80


def test_ids_are_uuids_of_version_7_with_the_time_in_front() -> None:
    before = time.time_ns() // 1_000_000
    id_ = new_id()
    after = time.time_ns() // 1_000_000
    assert (type(id_), id_.version, id_.variant) == (UUID, 7, RFC_4122)
    assert before <= milliseconds(id_) <= after


def test_later_ids_sort_after_earlier_ones_also_within_a_millisecond() -> None:
    ids = [new_id() for _ in range(50_000)]
    assert ids == sorted(set(ids))
    assert [str(id_) for id_ in ids] == sorted(str(id_) for id_ in ids)
    assert len({milliseconds(id_) for id_ in ids}) < len(ids)


def test_an_id_of_another_process_sorts_between_those_made_before_and_after() -> None:
    before = new_id()
    code = (
        "import time; from guildhall.kernel.ids import new_id; print(new_id()); time.sleep(0.002)"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert before < UUID(there.stdout.strip()) < new_id()
