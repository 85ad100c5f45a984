"""HTTP of identity."""

from guildhall.identity.routes import accounts, administration, sign_in
from guildhall.identity.routes.base import routers

__all__ = ["accounts", "administration", "routers", "sign_in"]
