"""Where a request comes from, for those who know nothing of HTTP."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["RequestClient", "acting_address"]

LONGEST_NAME = 80

acting_address: ContextVar[str | None] = ContextVar("acting_address", default=None)
"""Where what is being done is asked from: set for each request, and nothing in a worker."""


class RequestClient(NamedTuple):
    """Where a request comes from."""

    address: str
    user_agent: str

    def device_name(self, given: str | None) -> str:
        """Give what to call the device: as its owner does, or else as it calls itself."""
        return given or self.user_agent[:LONGEST_NAME] or "unnamed"
