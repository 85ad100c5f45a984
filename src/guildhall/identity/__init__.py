"""Who may come in: accounts, sessions, roles, and the record of both."""

from guildhall.identity.audit import record
from guildhall.identity.events import MemberMovedZone, SessionsChanged, UserRegistered
from guildhall.identity.handlers import forget_sessions
from guildhall.identity.repository import local_days, usernames
from guildhall.identity.routes import routers
from guildhall.identity.schemas import Register
from guildhall.identity.service import create_admin, new_setup_token
from guildhall.identity.sessions import session_loader

__all__ = [
    "MemberMovedZone",
    "Register",
    "SessionsChanged",
    "UserRegistered",
    "create_admin",
    "forget_sessions",
    "local_days",
    "new_setup_token",
    "record",
    "routers",
    "session_loader",
    "usernames",
]
