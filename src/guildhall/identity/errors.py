"""What identity refuses."""

from __future__ import annotations

from guildhall.kernel.errors import Conflict, Forbidden, NotFound, TooManyRequests, Unauthenticated

__all__ = [
    "CredentialsWrong",
    "DeviceNotFound",
    "LastAdmin",
    "LoginThrottled",
    "PersonRequired",
    "ReauthenticationRequired",
    "RefreshTokenRefused",
    "RefreshTokenReused",
    "SecondFactorRequired",
    "SessionNotFound",
    "SetupClosed",
    "UserNotFound",
    "UsernameTaken",
]


class UsernameTaken(Conflict):
    code = "username_taken"
    detail = "Somebody else has this name. Choose another."


class CredentialsWrong(Unauthenticated):
    code = "credentials_wrong"
    detail = "Name and password do not fit together."


class LoginThrottled(TooManyRequests):
    code = "login_throttled"
    detail = "Too many wrong passwords. Wait as long as `Retry-After` says, then try again."


class SecondFactorRequired(Unauthenticated):
    code = "second_factor_required"
    detail = "That was right. Now send a code, with `second_factor_token`, to /auth/second-factor."


class PersonRequired(Forbidden):
    code = "person_required"
    detail = "A person has to do this: sign in, an API key is not enough."


class ReauthenticationRequired(Forbidden):
    code = "reauthentication_required"
    detail = "This is a sensitive change: show who you are at /auth/reauthenticate, then try again."


class RefreshTokenRefused(Unauthenticated):
    code = "refresh_token_invalid"
    detail = "This refresh token is not valid, or its session has ended. Sign in again."


class RefreshTokenReused(Unauthenticated):
    code = "refresh_token_reused"
    detail = "This refresh token was used before, so its session was ended. Sign in again."


class SetupClosed(Forbidden):
    code = "setup_closed"
    detail = "This setup token is wrong, or the first admin has used it."


class UserNotFound(NotFound):
    code = "user_not_found"
    detail = "There is no such member."


class DeviceNotFound(NotFound):
    code = "device_not_found"
    detail = "You have no such device."


class SessionNotFound(NotFound):
    code = "session_not_found"
    detail = "You have no such session."


class LastAdmin(Conflict):
    code = "last_admin"
    detail = "The hall needs one admin. Appoint another first."
