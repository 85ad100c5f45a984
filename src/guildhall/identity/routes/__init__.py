"""HTTP of identity."""

from guildhall.identity.routes import (
    accounts,
    administration,
    api_keys,
    live,
    oidc,
    own_data,
    passkeys,
    recovery,
    second_factor,
    sign_in,
)
from guildhall.identity.routes.base import routers

__all__ = [
    "accounts",
    "administration",
    "api_keys",
    "live",
    "oidc",
    "own_data",
    "passkeys",
    "recovery",
    "routers",
    "second_factor",
    "sign_in",
]
