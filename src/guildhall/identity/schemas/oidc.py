"""What travels over the wire of signing in with a provider."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from guildhall.identity.schemas.fields import Body

__all__ = ["IdentityOut", "LinkStart", "LinkStarted", "ProviderOut", "ReturnTo"]

ReturnTo = Annotated[
    str,
    Field(
        max_length=500,
        # Of this hall, whatever a browser makes of it: it reads "\" as "/" and leaves tabs out.
        pattern=r"^/([A-Za-z0-9._~!$&'()*+,;=:@?#-][A-Za-z0-9._~!$&'()*+,;=:@/?#%-]*)?$",
        description="A path of this hall to come back to, such as /goals.",
    ),
]


class ProviderOut(BaseModel):
    """A provider that one can sign in with."""

    name: str
    title: str


class LinkStart(Body):
    return_to: ReturnTo = "/"


class LinkStarted(BaseModel):
    url: str = Field(description="Where to send the browser: the provider's page.")


class IdentityOut(BaseModel):
    """Who one is elsewhere."""

    id: UUID
    provider: str | None = Field(description="Null where one cannot sign in with it here.")
    issuer: str
    subject: str
    created_at: datetime
    last_seen_at: datetime
