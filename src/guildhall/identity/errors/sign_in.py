"""What is refused to who comes in, and about the sessions they open."""

from __future__ import annotations

from guildhall.kernel.errors import (
    Conflict,
    Forbidden,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

__all__ = [
    "AccountSuspended",
    "CredentialsWrong",
    "DeviceNotFound",
    "HallBusy",
    "IdentityNotFound",
    "IdentityProviderNotFound",
    "IdentityProviderRefused",
    "IdentityProviderUnavailable",
    "IdentityTaken",
    "LastWayIn",
    "LoginThrottled",
    "RefreshTokenRefused",
    "RefreshTokenReused",
    "SessionNotFound",
    "SignInNotBegun",
]


class CredentialsWrong(Unauthenticated):
    code = "credentials_wrong"
    detail = "Name and password do not fit together."


class AccountSuspended(Forbidden):
    code = "account_suspended"
    detail = "This account is suspended. Ask those who run this hall."


class LoginThrottled(TooManyRequests):
    code = "login_throttled"
    detail = "Too many wrong passwords. Wait as long as `Retry-After` says, then try again."


class HallBusy(Unavailable):
    code = "hall_busy"
    detail = "Too many people are signing in at this moment. Try again in a few seconds."


class RefreshTokenRefused(Unauthenticated):
    code = "refresh_token_invalid"
    detail = "This refresh token is not valid, or its session has ended. Sign in again."


class RefreshTokenReused(Unauthenticated):
    code = "refresh_token_reused"
    detail = "This refresh token was used before, so its session was ended. Sign in again."


class DeviceNotFound(NotFound):
    code = "device_not_found"
    detail = "You have no such device."


class SessionNotFound(NotFound):
    code = "session_not_found"
    detail = "You have no such session."


class IdentityProviderNotFound(NotFound):
    code = "identity_provider_not_found"
    detail = "This hall knows no such provider; GET /auth/providers lists those it knows."


class IdentityProviderUnavailable(Unavailable):
    code = "identity_provider_unavailable"
    detail = "The provider does not answer at the moment. Try again, or sign in another way."


class IdentityProviderRefused(Unauthenticated):
    code = "identity_provider_refused"
    detail = "The provider did not confirm who you are. Start to sign in again."


class SignInNotBegun(Unauthenticated):
    code = "sign_in_not_begun"
    detail = "This sign-in was not begun in this browser, is over, or took too long. Start again."


class IdentityTaken(Conflict):
    code = "identity_taken"
    detail = "Another member signs in with this account of the provider."


class IdentityNotFound(NotFound):
    code = "identity_not_found"
    detail = "You do not sign in with such an account."


class LastWayIn(Conflict):
    code = "last_way_in"
    detail = "You could not sign in any more. Set a password or a passkey first."
