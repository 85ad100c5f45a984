"""What travels over the wire of API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from guildhall.identity.schemas.fields import Body, without_nul

__all__ = ["ApiKeyIn", "ApiKeyMade", "ApiKeyOut", "KeyRotation", "ScopesOut"]

DAY_SECONDS = 86_400


class ApiKeyIn(Body):
    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
        AfterValidator(without_nul),
    ]
    scopes: list[Annotated[str, Field(max_length=60)]] = Field(
        min_length=1, max_length=50, description="What it may do; /auth/scopes lists them."
    )
    expires_at: AwareDatetime | None = Field(None, description="Absent: it lasts until revoked.")


class KeyRotation(Body):
    overlap_seconds: Annotated[int, Field(ge=0, le=7 * DAY_SECONDS)] = Field(
        DAY_SECONDS, description="How much longer the old key opens beside the new one."
    )


class ApiKeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    hint: str = Field(description="How the key begins and ends.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To about two minutes.")


class ApiKeyMade(ApiKeyOut):
    key: str = Field(description="For the header X-API-Key. Shown this once: only a hash is kept.")


class ScopesOut(BaseModel):
    scopes: list[str] = Field(description="Those that one may give to an API key.")
