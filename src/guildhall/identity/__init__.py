"""Who may come in: accounts, sessions, roles, and the record of both."""

from guildhall.identity.audit_trail import note_operator, record
from guildhall.identity.doorkeeper import recall_of
from guildhall.identity.events import MemberMovedZone, SessionsChanged, UserRegistered
from guildhall.identity.handlers import forget_sessions
from guildhall.identity.models import TOTP_SECRET
from guildhall.identity.repository import local_days, usernames
from guildhall.identity.routes import routers
from guildhall.identity.schemas import Register
from guildhall.identity.service import create_admin, new_setup_token

__all__ = [
    "TOTP_SECRET",
    "MemberMovedZone",
    "Register",
    "SessionsChanged",
    "UserRegistered",
    "create_admin",
    "forget_sessions",
    "local_days",
    "new_setup_token",
    "note_operator",
    "recall_of",
    "record",
    "routers",
    "usernames",
]
