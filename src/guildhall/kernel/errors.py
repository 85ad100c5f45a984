"""What the hall will not do, told to a person.

A refusal is an answer, not a defect: anything else that is raised is a bug and becomes a 500 with
a trace id. The kinds below say why in general; each leaf, in the `errors.py` of its slice, carries
a stable `code` and a sentence. HTTP does not occur here: one table in `infra.http.problems` gives
each kind its status.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "QuotaExceeded",
    "Refusal",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
]


class Refusal(Exception):
    """Something the hall will not do.

    `code` is what programs match on; `detail` is for a person and may be given per case; `extra`
    is added to the answer beside them.
    """

    code: ClassVar[str]
    detail: str

    def __init__(self, detail: str | None = None, **extra: object) -> None:
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)
        self.extra = extra


class NotFound(Refusal):
    """There is no such thing, or it is none of the asker's business."""


class Conflict(Refusal):
    """It does not fit the present state."""


class Forbidden(Refusal):
    """The asker may see it but not do that."""


class QuotaExceeded(Refusal):
    """What may be used in a period is used up."""


class Invalid(Refusal):
    """The request cannot be understood or cannot be meant."""


class Unauthenticated(Refusal):
    """Nobody knows who is asking."""


class TooManyRequests(Refusal):
    """Later. `retry_after_seconds` says when."""

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int, **extra: object):
        super().__init__(detail, **extra)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(Refusal):
    """Something the hall needs is not there; trying again helps, after `retry_after_seconds`."""

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 2, **extra: object):
        super().__init__(detail, **extra)
        self.retry_after_seconds = retry_after_seconds
