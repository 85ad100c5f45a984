"""What travels over the wire of the second factor, and of showing once more who one is."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from guildhall.identity.schemas.fields import Body, Token, without_nul
from guildhall.identity.schemas.passkeys import Assertion

__all__ = [
    "Proof",
    "Reauthenticate",
    "RecoveryCodesOut",
    "SecondFactor",
    "SecondFactorOut",
    "TotpConfirm",
    "TotpOut",
]

DIGITS = re.compile("[0-9]{6}")
RECOVERY_CODE = re.compile("[A-Z2-7]{24}")


def _code(value: str) -> str:
    digits = value.replace(" ", "")
    if DIGITS.fullmatch(digits) is None:
        raise ValueError("must be the six digits that the authenticator app shows")
    return digits


def _recovery_code(value: str) -> str:
    letters = value.replace(" ", "").replace("-", "").upper()
    if RECOVERY_CODE.fullmatch(letters) is None:
        raise ValueError("must be a recovery code such as ABCD-EFGH-2345-IJKL-MNOP-67QR")
    return letters


Code = Annotated[str, StringConstraints(max_length=20), AfterValidator(_code)]
RecoveryCode = Annotated[str, StringConstraints(max_length=40), AfterValidator(_recovery_code)]


class TotpOut(BaseModel):
    """Shown once: what an authenticator app counts from."""

    secret: str = Field(description="In base32, to be typed into an authenticator app.")
    uri: str = Field(description="The same as otpauth://, to be shown as a QR code.")


class TotpConfirm(Body):
    code: Code


class RecoveryCodesOut(BaseModel):
    """Shown once. Each stands in for the authenticator app once."""

    recovery_codes: list[str]


class SecondFactorOut(BaseModel):
    password: bool = Field(description="Whether there is one: who came by a provider has none.")
    totp: bool = Field(description="Whether signing in asks for a code of an authenticator app.")
    recovery_codes_left: int
    passkeys: int


class Proof(Body):
    """A code, or what stands in for it."""

    code: Code | None = Field(None, description="What the authenticator app shows.")
    recovery_code: RecoveryCode | None = None

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.code is not None and self.recovery_code is not None:
            raise ValueError("takes `code` or `recovery_code`, not both")
        return self


class SecondFactor(Proof):
    second_factor_token: Token | None = Field(None, description="Absent where it is in a cookie.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.code is None and self.recovery_code is None:
            raise ValueError("needs `code` or `recovery_code`")
        return self


class Reauthenticate(Proof):
    """The password, and a code if the account has a second factor; or a passkey."""

    password: (
        Annotated[str, Field(min_length=1, max_length=256), AfterValidator(without_nul)] | None
    ) = None
    credential: Assertion | None = Field(
        None, description="What a passkey answered to the options of /auth/passkey/options."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.password is None) == (self.credential is None):
            raise ValueError("takes `password` or `credential`")
        return self
