"""HTTP of the door to models."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from guildhall.ai import queries
from guildhall.ai.schemas import TokenUsageOut, UsageQuery
from guildhall.infra.http import Reads, access_routers, hall_of

__all__ = ["routers"]

routers = access_routers("ai")
_, _, admin = routers


@admin.get("/admin/token-usage")
async def token_usage(
    request: Request, uow: Reads, query: Annotated[UsageQuery, Query()]
) -> TokenUsageOut:
    """Read what models were asked and what that cost, and what is left of the budgets."""
    return await queries.token_usage(uow, query, hall_of(request).settings.ai)
