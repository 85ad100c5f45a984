"""A breaker: whoever fails again and again is left alone for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from guildhall.kernel.clock import Clock

__all__ = ["Breaker"]


class Breaker:
    """Lets calls through until so many in a row have failed; then none for a while; then one, and
    by its end it is decided. Each process has its own."""

    def __init__(self, clock: Clock, *, faults: int, rest_seconds: float) -> None:
        self._clock = clock
        self._most_faults = faults
        self._rest = timedelta(seconds=rest_seconds)
        self._faults = 0
        self._rests_until: datetime | None = None
        self._probing = False

    def admits(self) -> bool:
        """Tell whether a call may be made now. Whoever is told yes must `record` its end."""
        if self._rests_until is None:
            return True
        if self._probing or self._clock.now() < self._rests_until:
            return False
        self._probing = True
        return True

    def record(self, well: bool | None) -> None:
        """Say how an admitted call ended; None if that says nothing about the provider."""
        probed, self._probing = self._probing, False
        if well is None:
            return
        if well:
            self._faults, self._rests_until = 0, None
            return
        self._faults += 1
        if probed or (self._rests_until is None and self._faults >= self._most_faults):
            self._rests_until = self._clock.now() + self._rest
