"""What is refused to who has to show more than a password."""

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
    "PasskeyChallengeInvalid",
    "PasskeyCounterWrong",
    "PasskeyKnown",
    "PasskeyNotFound",
    "PasskeyNotValid",
    "PasskeyRefused",
    "PasskeysUnavailable",
    "PersonRequired",
    "ReauthenticationRequired",
    "SecondFactorCodeMissing",
    "SecondFactorRequired",
    "SecondFactorThrottled",
    "SecondFactorTokenInvalid",
    "SecondFactorUnavailable",
    "SecondFactorWrong",
    "TooManyPasskeys",
    "TotpConfirmed",
    "TotpNotFound",
    "TotpNotStarted",
]


class PersonRequired(Forbidden):
    code = "person_required"
    detail = "A person has to do this: sign in, an API key is not enough."


class ReauthenticationRequired(Forbidden):
    code = "reauthentication_required"
    detail = (
        "This is a sensitive change: show who you are at /auth/reauthenticate, or sign in again,"
        " then try again."
    )


class SecondFactorRequired(Unauthenticated):
    code = "second_factor_required"
    detail = "That was right. Now send a code, with `second_factor_token`, to /auth/second-factor."


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
