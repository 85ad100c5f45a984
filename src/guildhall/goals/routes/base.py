"""The routers of goals."""

from __future__ import annotations

from guildhall.infra.http import access_routers

__all__ = ["admin", "member", "public", "routers"]

routers = access_routers("goals")
public, member, admin = routers
