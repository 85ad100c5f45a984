"""HTTP of goals."""

from guildhall.goals.routes import goals, live
from guildhall.goals.routes.base import routers

__all__ = ["goals", "live", "routers"]
