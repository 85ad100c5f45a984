"""What travels over the wire of passkeys: WebAuthn Level 3, section 5.1, as browsers write it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guildhall.identity.schemas.fields import Body, DeviceName
from guildhall.identity.schemas.sign_in import Transport

__all__ = [
    "Assertion",
    "Attestation",
    "PasskeyIn",
    "PasskeyOptionsOut",
    "PasskeyOut",
    "PasskeySignIn",
]

BASE64URL = "^[A-Za-z0-9_-]+$"
Base64Url = Annotated[str, Field(max_length=4096, pattern=BASE64URL)]
LongBase64Url = Annotated[str, Field(max_length=16_384, pattern=BASE64URL)]


class _AttestationResponse(BaseModel):
    client_data_json: Base64Url = Field(alias="clientDataJSON")
    attestation_object: LongBase64Url = Field(alias="attestationObject")
    transports: list[Annotated[str, Field(max_length=32)]] = Field(default=[], max_length=10)


class _AssertionResponse(BaseModel):
    client_data_json: Base64Url = Field(alias="clientDataJSON")
    authenticator_data: Base64Url = Field(alias="authenticatorData")
    signature: Base64Url
    user_handle: Annotated[str, Field(max_length=128, pattern=BASE64URL)] = Field(
        alias="userHandle"
    )


class _Credential(BaseModel):
    """What `PublicKeyCredential.toJSON()` gives; what else is in it is not looked at."""

    id: Base64Url
    raw_id: Base64Url = Field(alias="rawId")
    type: Literal["public-key"]


class Attestation(_Credential):
    """A new passkey, as `navigator.credentials.create()` gave it."""

    response: _AttestationResponse


class Assertion(_Credential):
    """A signature by a passkey, as `navigator.credentials.get()` gave it."""

    response: _AssertionResponse


class PasskeyOptionsOut(BaseModel):
    """What to ask the browser for; good once, for five minutes."""

    options: dict[str, Any] = Field(
        description="For `PublicKeyCredential.parseCreationOptionsFromJSON()`, or"
        " `parseRequestOptionsFromJSON()`."
    )


class PasskeyIn(Body):
    name: DeviceName = Field(description="What to call it in the member's list.")
    credential: Attestation


class PasskeySignIn(Body):
    credential: Assertion
    device: DeviceName | None = Field(
        None, description="What to call this device in the member's list."
    )
    transport: Transport = Field(
        Transport.BEARER, description="Tokens in the answer, or in cookies that no script can read."
    )


class PasskeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    transports: list[str]
    created_at: datetime
    last_used_at: datetime | None
