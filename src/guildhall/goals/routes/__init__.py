"""HTTP of goals."""

from guildhall.goals.routes import dashboard, goals, live
from guildhall.goals.routes.base import routers

__all__ = ["dashboard", "goals", "live", "routers"]
