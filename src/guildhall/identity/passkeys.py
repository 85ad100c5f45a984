"""Use cases of passkeys (WebAuthn Level 3): discoverable, and only with the user verified.

Such a one is two factors: something one has, opened by what one knows or is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
import webauthn
from sqlalchemy import Select, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from guildhall.identity import repository
from guildhall.identity.audit_trail import record
from guildhall.identity.codes import note_change
from guildhall.identity.errors import (
    PasskeyCounterWrong,
    PasskeyKnown,
    PasskeyNotFound,
    PasskeyNotValid,
    PasskeyRefused,
    TooManyPasskeys,
)
from guildhall.identity.logins import let_in
from guildhall.identity.models import Passkey, User
from guildhall.identity.passkey_challenges import CHALLENGE_SECONDS, new_challenge, take_challenge
from guildhall.identity.schemas import Assertion, PasskeyIn, PasskeySignIn
from guildhall.identity.sessions import SignedIn, check_proven
from guildhall.infra.hall import Hall
from guildhall.infra.tokens import Tokens
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.client import RequestClient
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member

__all__ = [
    "options_to_register",
    "options_to_sign_in",
    "page",
    "register",
    "remove",
    "sign_in",
    "verify",
]

log = structlog.get_logger()

RP_NAME = "Guildhall"
MOST_PASSKEYS = 20
LONGEST_CREDENTIAL_ID = 1023  # WebAuthn Level 3, section 4, "Credential ID".
SIGN_IN = "sign-in"
ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
TRANSPORTS = frozenset(transport.value for transport in AuthenticatorTransport)


async def options_to_register(hall: Hall, who: Member) -> dict[str, Any]:
    """Say what a browser has to ask of an authenticator that is to hold a new passkey."""
    async with hall.units.read(member=who.id) as uow:
        await check_proven(uow, who)
        username = (await uow.session.get_one(User, who.id)).username
        known = (await uow.session.scalars(_passkeys_of(who.id))).all()
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(hall),
        rp_name=RP_NAME,
        user_name=username,
        user_id=who.id.bytes,
        challenge=await new_challenge(hall.redis, _registration_of(who.id)),
        timeout=CHALLENGE_SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(
                passkey.credential_id,
                transports=[AuthenticatorTransport(each) for each in passkey.transports],
            )
            for passkey in known
        ],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json_dict(options)


async def register(hall: Hall, who: Member, body: PasskeyIn) -> Passkey:
    """Keep a new passkey of a member, who may sign in with it from now on."""
    challenge = await take_challenge(
        hall.redis, _registration_of(who.id), body.credential.response.client_data_json
    )
    try:
        verified = webauthn.verify_registration_response(
            credential=body.credential.model_dump(by_alias=True),
            expected_challenge=challenge,
            expected_rp_id=_rp_id(hall),
            expected_origin=hall.settings.api.origin,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except Exception as error:
        # The library raises whatever its parsers raise on bytes that a stranger made up.
        log.info("passkey_not_valid", reason=f"{type(error).__name__}: {error}"[:300])
        raise PasskeyNotValid from None
    if len(verified.credential_id) > LONGEST_CREDENTIAL_ID:
        raise PasskeyNotValid
    async with hall.units.write(member=who.id) as uow:
        await repository.lock_account(uow, who.id)
        await check_proven(uow, who)
        number = await uow.session.scalar(
            select(func.count()).select_from(Passkey).where(Passkey.user_id == who.id)
        )
        if number is None or number >= MOST_PASSKEYS:
            raise TooManyPasskeys
        kept: Passkey | None = await uow.session.scalar(
            insert(Passkey)
            .values(
                user_id=who.id,
                id=new_id(),
                credential_id=verified.credential_id,
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
                name=body.name,
                transports=sorted(TRANSPORTS.intersection(body.credential.response.transports)),
                created_at=uow.now,
            )
            .on_conflict_do_nothing(index_elements=["user_id", "credential_id"])
            .returning(Passkey)
        )
        if kept is None:
            raise PasskeyKnown
        await note_change(
            uow,
            "passkey_added",
            who.id,
            passkey_id=str(kept.id),
            attestation=str(verified.fmt),
        )
    return kept


async def page(uow: UnitOfWork, who: Member, limit: int, before: UUID | None) -> Sequence[Passkey]:
    """Give a member's passkeys, newest first."""
    query = _passkeys_of(who.id).order_by(Passkey.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Passkey.id < before)
    return (await uow.session.scalars(query)).all()


async def remove(uow: UnitOfWork, who: Member, passkey_id: UUID) -> None:
    """Let nobody in with one of the member's passkeys any more."""
    await check_proven(uow, who)
    passkey = await uow.session.get(Passkey, (who.id, passkey_id))
    if passkey is None:
        raise PasskeyNotFound
    await uow.session.delete(passkey)
    await note_change(uow, "passkey_removed", who.id, passkey_id=str(passkey_id))


async def options_to_sign_in(hall: Hall) -> dict[str, Any]:
    """Say what a browser has to ask of whichever passkey its owner chooses."""
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(hall),
        challenge=await new_challenge(hall.redis, SIGN_IN),
        timeout=CHALLENGE_SECONDS * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


async def sign_in(
    hall: Hall, tokens: Tokens, body: PasskeySignIn, client: RequestClient
) -> SignedIn:
    """Open a session for whoever holds a passkey and has shown the authenticator who they are."""
    user_id = await verify(hall, body.credential)
    return await let_in(
        hall,
        tokens,
        user_id,
        client.device_name(body.device),
        client,
        transport=body.transport,
        method="passkey",
        second_factor=True,
    )


async def verify(hall: Hall, credential: Assertion) -> UUID:
    """Give whose passkey has signed a challenge of the hall's, which is used up.

    Raises PasskeyChallengeInvalid, PasskeyRefused, or PasskeyCounterWrong, which is on record.
    """
    response = credential.response
    challenge = await take_challenge(hall.redis, SIGN_IN, response.client_data_json)
    user_id, credential_id = _named_by(credential)
    async with hall.units.read(member=user_id) as uow:
        passkey = await uow.session.scalar(
            _passkeys_of(user_id).where(Passkey.credential_id == credential_id)
        )
    if passkey is None:
        raise PasskeyRefused
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential.model_dump(by_alias=True),
            expected_challenge=challenge,
            expected_rp_id=_rp_id(hall),
            expected_origin=hall.settings.api.origin,
            credential_public_key=passkey.public_key,
            # Looked at below: only of what is signed is it worth a line in the record.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:
        # The library raises whatever its parsers raise on bytes that a stranger made up.
        log.info("passkey_refused", reason=f"{type(error).__name__}: {error}"[:300])
        raise PasskeyRefused from None
    if not await _count_use(hall, passkey, verified.new_sign_count):
        raise PasskeyCounterWrong
    return user_id


async def _count_use(hall: Hall, passkey: Passkey, sign_count: int) -> bool:
    """Keep the counter of an authenticator that has one; False if it did not go up.

    Then there are two of it, or somebody plays back (WebAuthn Level 3, section 6.1.1).
    """
    has_none = Passkey.sign_count == 0 if sign_count == 0 else false()
    goes_up = or_(Passkey.sign_count < sign_count, has_none)
    async with hall.units.write(member=passkey.user_id) as uow:
        counted = await uow.session.scalar(
            update(Passkey)
            .where(Passkey.user_id == passkey.user_id, Passkey.id == passkey.id, goes_up)
            .values(sign_count=sign_count, last_used_at=uow.now)
            .returning(Passkey.id)
        )
        if counted is None:
            record(
                uow,
                "passkey_counter_wrong",
                target_id=passkey.user_id,
                passkey_id=str(passkey.id),
                shown=sign_count,
            )
    return counted is not None


def _named_by(credential: Assertion) -> tuple[UUID, bytes]:
    """Read whose passkey it says it is, and which."""
    try:
        user_handle = base64url_to_bytes(credential.response.user_handle)
        return UUID(bytes=user_handle), base64url_to_bytes(credential.raw_id)
    except ValueError:
        raise PasskeyRefused from None


def _passkeys_of(user_id: UUID) -> Select[Passkey]:
    return select(Passkey).where(Passkey.user_id == user_id)


def _rp_id(hall: Hall) -> str:
    return urlsplit(hall.settings.api.origin).hostname or ""


def _registration_of(user_id: UUID) -> str:
    return f"register:{user_id}"
