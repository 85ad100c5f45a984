"""A deadline that insists."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["Deadline"]

AGAIN_SECONDS = 2.0


class Deadline:
    """Ends the block with `TimeoutError` after so many seconds, asking until it does.

    `asyncio.timeout` cancels once. What it interrupts may lose that one cancellation (on Python
    3.11 `asyncio.wait_for` does when its own wait ends in the same turn of the loop) and go on
    for ever. This one cancels again every two seconds until the block is left: what tidies up
    has that long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked = 0
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None

    @property
    def expired(self) -> bool:
        """Whether the block was ended by this deadline."""
        return self._over

    def lift(self) -> None:
        """Let the block take as long as it likes from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._ask)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.lift()
        others = 0
        for _ in range(self._asked):
            others = self._task.uncancel() if self._task is not None else 0
        if self._asked and others == 0 and kind is asyncio.CancelledError:
            self._over = True
            raise TimeoutError from error

    def _ask(self) -> None:
        if self._task is not None:
            self._asked += 1
            self._task.cancel()
            self._timer = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._ask)
