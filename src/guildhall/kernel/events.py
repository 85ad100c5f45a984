"""What happened: facts that one slice tells and others react to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from guildhall.kernel.ids import new_id

__all__ = ["Event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact, in the past tense, with the values a reader needs and never a live object.

    Fields are only ever added, with a default, so that an event written by yesterday's release
    can be read by today's. Events of one subject reach each reader in the order they were told;
    an event without a subject is ordered against nothing.
    """

    name: ClassVar[str]
    """`slice.thing_happened.v1`: what it is called in the outbox."""

    subject_id: UUID | None
    occurred_at: datetime
    event_id: UUID = field(default_factory=new_id)

    @classmethod
    def topic(cls) -> str:
        """Give the name without its version: what badge conditions call it."""
        return cls.name.rpartition(".v")[0]
