"""What is refused about accounts: their names, addresses, passwords, and what is kept of them."""

from __future__ import annotations

from guildhall.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
)

__all__ = [
    "AddressTaken",
    "AddressVerified",
    "CurrentPasswordWrong",
    "ExportNotFound",
    "ExportNotReady",
    "LastAdmin",
    "MailThrottled",
    "PasswordTooCommon",
    "ResetTokenInvalid",
    "SetupClosed",
    "UserNotFound",
    "UsernameTaken",
    "VerificationTokenInvalid",
]


class UsernameTaken(Conflict):
    code = "username_taken"
    detail = "Somebody else has this name. Choose another."


class UserNotFound(NotFound):
    code = "user_not_found"
    detail = "There is no such member."


class LastAdmin(Conflict):
    code = "last_admin"
    detail = "The hall needs one admin. Appoint another first."


class SetupClosed(Forbidden):
    code = "setup_closed"
    detail = "This setup token is wrong, or the first admin has used it."


class PasswordTooCommon(Invalid):
    code = "password_too_common"
    detail = "This password is among the first that anybody would guess. Choose another."


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
    detail = "Too many mails in a short time. Wait as long as `Retry-After` says, then try again."


class ExportNotFound(NotFound):
    code = "export_not_found"
    detail = "You have no export, or it has expired. POST /users/me/export makes one."


class ExportNotReady(Conflict):
    code = "export_not_ready"
    detail = "Your export is not finished. GET /users/me/export says how far it is."
