"""HTTP of goals."""

from guildhall.goals.routes import goals
from guildhall.goals.routes.base import routers

__all__ = ["goals", "routers"]
