"""What travels over the wire of one's rights over one's data."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

__all__ = ["ExportOut", "ExportState"]

ExportState = Literal["queued", "running", "ready", "failed", "cancelled"]


class ExportOut(BaseModel):
    """An export of everything that the hall holds of a member."""

    id: UUID
    execution_id: UUID = Field(description="Its task, for /task-executions.")
    state: ExportState
    progress_done: int = Field(description="Tables that are in it.")
    progress_total: int | None = Field(description="Tables there are, once that is known.")
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None = Field(description="When it is removed.")
    size_bytes: int | None
    download: str | None = Field(description="The path of the file, once it is ready.")
