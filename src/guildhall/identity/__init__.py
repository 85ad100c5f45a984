"""Who may come in: accounts, sessions, roles, and the record of both."""

from guildhall.identity.audit_trail import note_operator, record
from guildhall.identity.deletion import erase_due
from guildhall.identity.doorkeeper import foreign_reader_of, recall_of
from guildhall.identity.events import MemberMovedZone, SessionsChanged, UserRegistered
from guildhall.identity.exports import EXPORT_TASK, export_data, tidy_exports
from guildhall.identity.handlers import forget_sessions
from guildhall.identity.letters import (
    mail_address_changed,
    mail_leaving,
    mail_new_device,
    mail_password_changed,
    mail_proofs_changed,
    mail_reset,
    mail_verification,
)
from guildhall.identity.models import TOTP_SECRET
from guildhall.identity.passwords import BannedPasswords, PasswordPolicy
from guildhall.identity.personal import PERSONAL
from guildhall.identity.repository import Days, days_of, local_days, usernames
from guildhall.identity.routes import routers
from guildhall.identity.schemas import Register
from guildhall.identity.service import create_admin, new_setup_token

__all__ = [
    "EXPORT_TASK",
    "PERSONAL",
    "TOTP_SECRET",
    "BannedPasswords",
    "Days",
    "MemberMovedZone",
    "PasswordPolicy",
    "Register",
    "SessionsChanged",
    "UserRegistered",
    "create_admin",
    "days_of",
    "erase_due",
    "export_data",
    "foreign_reader_of",
    "forget_sessions",
    "local_days",
    "mail_address_changed",
    "mail_leaving",
    "mail_new_device",
    "mail_password_changed",
    "mail_proofs_changed",
    "mail_reset",
    "mail_verification",
    "new_setup_token",
    "note_operator",
    "recall_of",
    "record",
    "routers",
    "tidy_exports",
    "usernames",
]
