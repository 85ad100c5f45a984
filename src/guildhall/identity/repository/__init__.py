"""Queries of identity."""

from guildhall.identity.repository.accounts import (
    Candidate,
    UserFilters,
    has_second_factor,
    holder_of_address,
    local_days,
    setup_token_for_update,
    usernames,
    users_by_login,
    users_page,
)
from guildhall.identity.repository.record import AuditFilters, audit_entries
from guildhall.identity.repository.sessions import (
    device_seen,
    devices_of,
    door_ids,
    end_sessions,
    has_signed_in,
    is_usual_device,
    living_sessions,
    session_for_update,
    sessions_of,
)

__all__ = [
    "AuditFilters",
    "Candidate",
    "UserFilters",
    "audit_entries",
    "device_seen",
    "devices_of",
    "door_ids",
    "end_sessions",
    "has_second_factor",
    "has_signed_in",
    "holder_of_address",
    "is_usual_device",
    "living_sessions",
    "local_days",
    "session_for_update",
    "sessions_of",
    "setup_token_for_update",
    "usernames",
    "users_by_login",
    "users_page",
]
