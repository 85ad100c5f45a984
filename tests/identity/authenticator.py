"""A software authenticator: passkeys as a phone or a security key would hold them, and wrong ones.

Written from WebAuthn Level 3 (sections 6.1, 6.3.2, 6.3.3, 6.5 and 8), not from the library that
the hall checks with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any, Literal

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, EDDSA = -7, -8


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """Holds one passkey. What a test sets on it, it lies about."""

    origin: str = "http://localhost:8000"
    algorithm: Literal["ES256", "EdDSA"] = "ES256"
    counts: bool = True
    verifies_user: bool = True
    rp_id: str | None = None
    """Whom it says it signs for; None for whom it was asked for."""
    cross_origin: bool = False
    sign_count: int = 0
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: bytes = b""

    def __post_init__(self) -> None:
        self.key: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if self.algorithm == "ES256"
            else ed25519.Ed25519PrivateKey.generate()
        )

    def create(
        self, options: dict[str, Any], *, attestation: Literal["none", "packed"] = "none"
    ) -> dict[str, Any]:
        """Answer `navigator.credentials.create()`."""
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        self.user_handle = unb64(options["user"]["id"])
        client_data = self._client_data("webauthn.create", options["challenge"])
        data = self._authenticator_data(options["rp"]["id"], attested=True)
        statement: dict[str, Any] = {}
        if attestation == "packed":
            signed = self._sign(data + hashlib.sha256(client_data).digest())
            statement = {"alg": self._cose()[3], "sig": signed}
        attested = cbor2.dumps({"fmt": attestation, "attStmt": statement, "authData": data})
        return self._credential(
            {
                "clientDataJSON": b64(client_data),
                "attestationObject": b64(attested),
                "transports": ["internal", "hybrid", "teleport"],
            }
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get()`."""
        assert options["userVerification"] == "required"
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._authenticator_data(options["rpId"], attested=False)
        return self._credential(
            {
                "clientDataJSON": b64(client_data),
                "authenticatorData": b64(data),
                "signature": b64(self._sign(data + hashlib.sha256(client_data).digest())),
                "userHandle": b64(self.user_handle),
            }
        )

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": b64(self.credential_id),
            "rawId": b64(self.credential_id),
            "type": "public-key",
            "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        }

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps(
            {
                "type": kind,
                "challenge": challenge,
                "origin": self.origin,
                "crossOrigin": self.cross_origin,
            }
        ).encode()

    def _authenticator_data(self, rp_id: str, *, attested: bool) -> bytes:
        flags = USER_PRESENT | (USER_VERIFIED if self.verifies_user else 0)
        if self.counts:
            self.sign_count += 1
        rp_id_hash = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        if not attested:
            return rp_id_hash + struct.pack(">BI", flags, self.sign_count)
        return (
            rp_id_hash
            + struct.pack(">BI", flags | ATTESTED, self.sign_count)
            + bytes(16)
            + struct.pack(">H", len(self.credential_id))
            + self.credential_id
            + cbor2.dumps(self._cose())
        )

    def _cose(self) -> dict[int, Any]:
        """Give the public key as RFC 9053 writes it."""
        public = self.key.public_key()
        if self.algorithm == "EdDSA":
            return {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        x, y = (number.to_bytes(32) for number in (numbers.x, numbers.y))
        return {1: 2, 3: ES256, -1: 1, -2: x, -3: y}

    def _sign(self, data: bytes) -> bytes:
        signed: bytes = (
            self.key.sign(data)
            if self.algorithm == "EdDSA"
            else self.key.sign(data, ec.ECDSA(SHA256()))
        )
        return signed
