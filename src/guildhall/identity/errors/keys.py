"""What is refused about API keys."""

from __future__ import annotations

from guildhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound

__all__ = [
    "AdminScopeRefused",
    "ApiKeyLimit",
    "ApiKeyNotFound",
    "ExpiryPassed",
    "ScopeUnknown",
]


class ApiKeyNotFound(NotFound):
    code = "api_key_not_found"
    detail = "You have no such API key, or it opens nothing any more."


class ApiKeyLimit(Conflict):
    code = "api_key_limit"
    detail = "You have as many API keys as a member may have. Revoke one first."


class ScopeUnknown(Invalid):
    code = "scope_unknown"
    detail = "There is no such scope; `scopes` names those there are."


class AdminScopeRefused(Forbidden):
    code = "admin_scope_refused"
    detail = (
        "Only an admin may give a key the scopes of admins; where admins need a second factor,"
        " only one who signed in with it."
    )


class ExpiryPassed(Invalid):
    code = "expiry_passed"
    detail = "What expires has to do so in the future; `expires_at` has passed."
