"""What travels over the wire in identity."""

from guildhall.identity.schemas.accounts import (
    AuditEntryOut,
    DeviceOut,
    SessionOut,
    UserChange,
    UserOut,
    UserRoleChange,
)
from guildhall.identity.schemas.sign_in import (
    CookiesOut,
    Login,
    Refresh,
    Register,
    Setup,
    TokensOut,
    Transport,
)

__all__ = [
    "AuditEntryOut",
    "CookiesOut",
    "DeviceOut",
    "Login",
    "Refresh",
    "Register",
    "SessionOut",
    "Setup",
    "TokensOut",
    "Transport",
    "UserChange",
    "UserOut",
    "UserRoleChange",
]
