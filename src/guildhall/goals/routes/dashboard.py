"""HTTP of the dashboard."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request, Response

from guildhall.goals.dashboard import dashboard
from guildhall.goals.errors import DashboardNotFound
from guildhall.goals.page import DashboardOut
from guildhall.goals.routes.base import member
from guildhall.infra.door import Limit
from guildhall.infra.http import hall_of
from guildhall.infra.http.access import hold_to
from guildhall.infra.http.hot import HotRoute, json_answer

__all__: list[str] = []

LIMIT = Limit("dashboard", 10)


@HotRoute.on(member, "/dashboard/{user_id}", DashboardOut)
async def read_dashboard(request: Request, user_id: str) -> Response:
    """Read one's dashboard: progress, today, goals, ranks, badges, and what to do next.

    One's own only, unless one is an admin. Kept for 30 seconds, or until one changes something.
    """
    await hold_to(LIMIT, request)
    try:
        whose = UUID(user_id)
    except ValueError:
        raise DashboardNotFound from None
    return json_answer(await dashboard(hall_of(request), request.state.member, whose))
