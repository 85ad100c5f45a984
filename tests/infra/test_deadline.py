"""A deadline that is not lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from guildhall.infra.http import deadline
from guildhall.infra.http.deadline import Deadline


async def _swallow(times: int) -> int:
    """Wait for ever, and lose so many cancellations, as `wait_for` of Python 3.11 may."""
    lost = 0
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if lost == times:
                raise
            lost += 1


@pytest.fixture(autouse=True)
def _insists_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "AGAIN_SECONDS", 0.01)


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_what_loses_a_cancellation_is_cancelled_again(lost: int) -> None:
    limit = Deadline(0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10), limit:
            await _swallow(lost)
    assert limit.expired
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_what_is_done_in_time_is_left_alone() -> None:
    async with Deadline(0.01) as limit:
        pass
    await asyncio.sleep(0.03)
    assert not limit.expired


async def test_a_lifted_deadline_ends_nothing() -> None:
    async with Deadline(0.01) as limit:
        limit.lift()
        await asyncio.sleep(0.03)
    assert not limit.expired


async def test_somebody_elses_cancellation_stays_theirs() -> None:
    entered = asyncio.Event()

    async def work() -> None:
        async with Deadline(60):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_of_the_work_is_told_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with Deadline(60):
            raise KeyError
