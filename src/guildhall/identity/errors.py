"""What identity refuses."""

from __future__ import annotations

from guildhall.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

__all__ = [
    "AddressTaken",
    "AddressVerified",
    "AdminScopeRefused",
    "ApiKeyLimit",
    "ApiKeyNotFound",
    "CredentialsWrong",
    "CurrentPasswordWrong",
    "DeviceNotFound",
    "ExpiryPassed",
    "ExportNotFound",
    "ExportNotReady",
    "HallBusy",
    "IdentityNotFound",
    "IdentityProviderNotFound",
    "IdentityProviderRefused",
    "IdentityProviderUnavailable",
    "IdentityTaken",
    "LastAdmin",
    "LastWayIn",
    "LoginThrottled",
    "MailThrottled",
    "PasskeyChallengeInvalid",
    "PasskeyCounterWrong",
    "PasskeyKnown",
    "PasskeyNotFound",
    "PasskeyNotValid",
    "PasskeyRefused",
    "PasskeysUnavailable",
    "PasswordTooCommon",
    "PersonRequired",
    "ReauthenticationRequired",
    "RefreshTokenRefused",
    "RefreshTokenReused",
    "ResetTokenInvalid",
    "ScopeUnknown",
    "SecondFactorCodeMissing",
    "SecondFactorRequired",
    "SecondFactorThrottled",
    "SecondFactorTokenInvalid",
    "SecondFactorUnavailable",
    "SecondFactorWrong",
    "SessionNotFound",
    "SetupClosed",
    "SignInNotBegun",
    "TooManyPasskeys",
    "TotpConfirmed",
    "TotpNotFound",
    "TotpNotStarted",
    "UserNotFound",
    "UsernameTaken",
    "VerificationTokenInvalid",
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


class SecondFactorWrong(Unauthenticated):
    code = "second_factor_wrong"
    detail = "This code is wrong, or was used. Wait for the next one, or look at the app's clock."


class SecondFactorTokenInvalid(Unauthenticated):
    code = "second_factor_token_invalid"
    detail = "This sign-in was finished, or began more than five minutes ago. Sign in again."


class SecondFactorThrottled(TooManyRequests):
    code = "second_factor_throttled"
    detail = "Too many wrong codes. Wait as long as `Retry-After` says, or use a recovery code."


class SecondFactorUnavailable(Unavailable):
    code = "second_factor_unavailable"
    detail = "Codes cannot be taken right now. Try again in a moment, or use a recovery code."


class SecondFactorCodeMissing(Invalid):
    code = "second_factor_code_missing"
    detail = "This account has a second factor: send `code` or `recovery_code` as well."


class TotpConfirmed(Conflict):
    code = "totp_confirmed"
    detail = "You have an authenticator app already. Remove it first to set up another."


class TotpNotStarted(Conflict):
    code = "totp_not_started"
    detail = "There is nothing to confirm: ask for a secret first."


class TotpNotFound(NotFound):
    code = "totp_not_found"
    detail = "You have no authenticator app here."


class PasskeyNotFound(NotFound):
    code = "passkey_not_found"
    detail = "You have no such passkey."


class PasskeyNotValid(Invalid):
    code = "passkey_not_valid"
    detail = "This is no passkey for this hall. It must come from its page, with the user verified."


class PasskeyChallengeInvalid(Invalid):
    code = "passkey_challenge_invalid"
    detail = "This challenge was used, or is older than five minutes. Ask for options again."


class PasskeyRefused(Unauthenticated):
    code = "passkey_refused"
    detail = "This passkey opens nothing here."


class PasskeyCounterWrong(Unauthenticated):
    code = "passkey_counter_wrong"
    detail = "This passkey seems to have a copy. Sign in otherwise, and remove it."


class PasskeyKnown(Conflict):
    code = "passkey_known"
    detail = "You have added this passkey before."


class TooManyPasskeys(Conflict):
    code = "passkey_limit"
    detail = "You have as many passkeys as a member may have. Remove one first."


class PasskeysUnavailable(Unavailable):
    code = "passkeys_unavailable"
    detail = "Passkeys cannot be used right now. Try again in a moment, or sign in otherwise."


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


class ExportNotFound(NotFound):
    code = "export_not_found"
    detail = "You have no export, or it has expired. POST /users/me/export makes one."


class ExportNotReady(Conflict):
    code = "export_not_ready"
    detail = "Your export is not finished. GET /users/me/export says how far it is."


class PasswordTooCommon(Invalid):
    code = "password_too_common"
    detail = "This password is among the first that anybody would guess. Choose another."


class HallBusy(Unavailable):
    code = "hall_busy"
    detail = "Too many people are signing in at this moment. Try again in a few seconds."


class CurrentPasswordWrong(Forbidden):
    code = "current_password_wrong"
    detail = "The current password is not right, so it was not changed."


class ResetTokenInvalid(Invalid):
    code = "reset_token_invalid"
    detail = "This link was used, or is older than 10 minutes. Ask for a new one."


class VerificationTokenInvalid(Invalid):
    code = "verification_token_invalid"
    detail = "This link was used, or is older than a day, or a newer one was sent."


class AddressTaken(Conflict):
    code = "address_taken"
    detail = "This address belongs to another account."


class AddressVerified(Conflict):
    code = "address_verified"
    detail = "Your address has been verified already."


class MailThrottled(TooManyRequests):
    code = "mail_throttled"
    detail = "A mail is on its way. Wait as long as `Retry-After` says, then ask for another."
