"""Use cases of signing in with a provider (OpenID Connect, code flow with PKCE; RFC 9700).

Between the two steps nothing is kept here: what was begun is sealed into a cookie of the browser
that began it, and good there only, once, for ten minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import orjson

from guildhall.identity import foreigners, logins, providers, repository, rules
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    IdentityNotFound,
    IdentityProviderRefused,
    LastWayIn,
    SecondFactorRequired,
    SignInNotBegun,
)
from guildhall.identity.foreigners import Foreigner
from guildhall.identity.models import ExternalIdentity, User
from guildhall.identity.schemas import IdentityOut, Transport
from guildhall.identity.sessions import SignedIn, tell_door
from guildhall.infra import once
from guildhall.infra.door import tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.sealing import SealBroken
from guildhall.infra.settings import OidcProvider
from guildhall.infra.tokens import Tokens
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.client import RequestClient
from guildhall.kernel.encoding import base64url, from_base64url
from guildhall.kernel.member import Member
from guildhall.kernel.paging import Page, page_of, position_in

__all__ = [
    "PENDING_SECONDS",
    "Answer",
    "Begun",
    "Finished",
    "begin",
    "finish",
    "identities",
    "unlink",
]

PENDING_SECONDS = 600
PENDING_PLACE = b"oidc pending sign-in"
USERNAME_CLAIM = "preferred_username"


@dataclass(frozen=True)
class Pending:
    """A sign-in that was begun, as the browser keeps it."""

    provider: str
    state: str
    nonce: str
    verifier: str
    transport: Transport
    device: str | None
    return_to: str
    expires_at: float
    member_id: str | None = None
    """Who is signed in already, and wants to sign in with the provider from now on."""
    session_id: str | None = None


@dataclass(frozen=True)
class Begun:
    """Where to send the browser, and what it must bring back."""

    url: str
    sealed: str


@dataclass(frozen=True)
class Answer:
    """What the provider has the browser bring back."""

    state: str | None
    code: str | None
    issuer: str | None
    error: str | None


@dataclass(frozen=True)
class Finished:
    """What came of it: a session, or the question for a second factor, or a link."""

    return_to: str
    opened: SignedIn | None = None
    second_factor_token: str | None = None


async def begin(
    hall: Hall,
    provider_name: str,
    *,
    transport: Transport,
    return_to: str,
    device: str | None = None,
    member: Member | None = None,
) -> Begun:
    """Begin to sign in with a provider, or to link it to who is signed in.

    Raises IdentityProviderNotFound or IdentityProviderUnavailable.
    """
    provider = providers.known(hall, provider_name)
    metadata = await providers.metadata_of(hall, provider)
    pending = Pending(
        provider=provider.name,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        transport=transport,
        device=device,
        return_to=return_to,
        expires_at=hall.clock.now().timestamp() + PENDING_SECONDS,
        member_id=str(member.id) if member else None,
        session_id=str(member.session_id) if member else None,
    )
    challenge = hashlib.sha256(pending.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": providers.redirect_uri(hall, provider),
        "scope": " ".join(provider.scopes),
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": base64url(challenge),
        "code_challenge_method": "S256",
    }
    where = metadata.authorization_endpoint or ""
    sealed = hall.sealer.seal(orjson.dumps(asdict(pending)), PENDING_PLACE)
    joint = "&" if urlsplit(where).query else "?"
    return Begun(f"{where}{joint}{urlencode(asked)}", base64url(sealed))


async def finish(
    hall: Hall,
    tokens: Tokens,
    provider_name: str,
    sealed: str | None,
    answer: Answer,
    client: RequestClient,
) -> Finished:
    """Take what the browser brings back from the provider, and open a session or link.

    Raises SignInNotBegun, IdentityProviderRefused, IdentityProviderUnavailable, IdentityTaken, and
    SecondFactorRequired where the tokens travel in answers.
    """
    provider = providers.known(hall, provider_name)
    pending = await _pending(hall, provider, sealed, answer)
    metadata = await providers.metadata_of(hall, provider)
    # Else another provider could have its own answer taken for this one's (RFC 9207).
    if answer.issuer != provider.issuer and (answer.issuer is not None or metadata.says_issuer):
        raise IdentityProviderRefused
    if answer.error is not None or answer.code is None:
        raise IdentityProviderRefused(provider_error=_shown(answer.error))
    claims = await providers.who_signed_in(
        hall, provider, metadata, answer.code, verifier=pending.verifier, nonce=pending.nonce
    )
    foreigner = Foreigner.of(claims, USERNAME_CLAIM)
    if pending.member_id is not None and pending.session_id is not None:
        member_id = UUID(pending.member_id)
        async with hall.units.write(member=member_id) as uow:
            if UUID(pending.session_id) not in await repository.living_sessions(uow, member_id):
                raise SignInNotBegun
            await foreigners.link(uow, foreigner, member_id)
        return Finished(pending.return_to)
    user_id = await foreigners.arrive(hall.units, foreigner)
    device = client.device_name(pending.device)
    try:
        opened = await logins.let_in(
            hall,
            tokens,
            user_id,
            device,
            client,
            transport=pending.transport,
            method=f"oidc:{provider.name}",
        )
    except SecondFactorRequired as required:
        if pending.transport is Transport.BEARER:
            raise
        return Finished(
            pending.return_to, second_factor_token=str(required.extra["second_factor_token"])
        )
    return Finished(pending.return_to, opened)


async def identities(
    hall: Hall, uow: UnitOfWork, member: Member, limit: int, cursor: str | None
) -> Page[IdentityOut]:
    """Give a page of who a member is elsewhere."""
    names = {provider.issuer: provider.name for provider in hall.issuers.providers.values()}

    def shown(identity: ExternalIdentity) -> IdentityOut:
        return IdentityOut(
            id=rules.identity_id(identity.issuer, identity.subject),
            provider=names.get(identity.issuer),
            issuer=identity.issuer,
            subject=identity.subject,
            created_at=identity.created_at,
            last_seen_at=identity.last_seen_at,
        )

    after = position_in(cursor, str, str) if cursor else None
    found = await foreigners.identities_of(uow, member.id, limit, after)
    return page_of(found, limit, shown, lambda row: (row.issuer, row.subject))


async def unlink(hall: Hall, uow: UnitOfWork, member: Member, identity_id: UUID) -> None:
    """Let a member in no longer as somebody elsewhere. Raises IdentityNotFound or LastWayIn."""
    # Locked, so that of two ways in not both are given up at once.
    user = await uow.session.get(User, member.id, with_for_update=True)
    theirs = await foreigners.identities_of(uow, member.id)
    gone = [one for one in theirs if rules.identity_id(one.issuer, one.subject) == identity_id]
    if user is None or not gone:
        raise IdentityNotFound
    logins_left = {provider.issuer for provider in hall.issuers.providers.values()}
    others = any(one.issuer in logins_left for one in theirs if one not in gone)
    if not others and not await repository.can_sign_in_here(uow, member.id):
        raise LastWayIn
    await uow.session.delete(gone[0])
    record(uow, "identity_unlinked", actor_id=member.id, issuer=gone[0].issuer)
    tell_door(uow, member.id, [identity_id], tombstone)


async def _pending(
    hall: Hall, provider: OidcProvider, sealed: str | None, answer: Answer
) -> Pending:
    """Open what the browser has kept. Raises SignInNotBegun unless it is for this very answer."""
    try:
        opened = hall.sealer.open(from_base64url(sealed or ""), PENDING_PLACE)
        kept = orjson.loads(opened)
        pending = Pending(**kept | {"transport": Transport(kept["transport"])})
    except (SealBroken, ValueError, TypeError, KeyError):
        raise SignInNotBegun from None
    if (
        pending.provider != provider.name
        or not hmac.compare_digest(pending.state.encode(), (answer.state or "").encode())
        or pending.expires_at <= hall.clock.now().timestamp()
        or not await _first_time(hall, pending.state)
    ):
        raise SignInNotBegun
    return pending


async def _first_time(hall: Hall, state: str) -> bool:
    # Without Redis every time is the first; but the provider takes each code once, too.
    key = f"oidc:used:{hashlib.sha256(state.encode()).hexdigest()}"
    return await once.first_time(hall.redis, key, timedelta(seconds=2 * PENDING_SECONDS))


def _shown(error: str | None) -> str | None:
    """Give the provider's code for what went wrong, unless it is something else."""
    fits = error is not None and len(error) <= 60 and error.isascii() and error.isidentifier()
    return error if fits else None
