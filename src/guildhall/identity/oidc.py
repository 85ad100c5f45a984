"""Use cases of signing in with a provider (OpenID Connect, code flow with PKCE; RFC 9700).

Between the two steps nothing is kept here: what was begun is sealed into a cookie of the browser
that began it, and good there only, once, for ten minutes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit
from uuid import UUID

import orjson
import structlog
from redis.exceptions import RedisError
from sqlalchemy import exists, select

from guildhall.identity import foreigners, logins, repository, rules
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    IdentityNotFound,
    IdentityProviderNotFound,
    IdentityProviderRefused,
    IdentityProviderUnavailable,
    LastWayIn,
    SecondFactorRequired,
    SignInNotBegun,
)
from guildhall.identity.foreigners import Foreigner
from guildhall.identity.models import ExternalIdentity, Passkey, User
from guildhall.identity.schemas import IdentityOut, Transport
from guildhall.identity.sessions import SignedIn, tell_door
from guildhall.infra.door import tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.http.access import RequestClient
from guildhall.infra.issuers import (
    ProviderMetadata,
    RemoteRefused,
    RemoteUnavailable,
    Unverified,
)
from guildhall.infra.sealing import SealBroken
from guildhall.infra.settings import OidcProvider
from guildhall.infra.tokens import TokenRefused, Tokens
from guildhall.infra.unit_of_work import UnitOfWork
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

log = structlog.get_logger()

PENDING_SECONDS = 600
PENDING_PLACE = b"oidc pending sign-in"
USERNAME_CLAIM = "preferred_username"
HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


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
    provider = _provider(hall, provider_name)
    metadata = await _metadata(hall, provider)
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
        "redirect_uri": _redirect_uri(hall, provider),
        "scope": " ".join(provider.scopes),
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": _base64url(challenge),
        "code_challenge_method": "S256",
    }
    where = metadata.authorization_endpoint or ""
    sealed = hall.sealer.seal(orjson.dumps(asdict(pending)), PENDING_PLACE)
    joint = "&" if urlsplit(where).query else "?"
    return Begun(f"{where}{joint}{urlencode(asked)}", _base64url(sealed))


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
    provider = _provider(hall, provider_name)
    pending = await _pending(hall, provider, sealed, answer)
    metadata = await _metadata(hall, provider)
    # Else another provider could have its own answer taken for this one's (RFC 9207).
    if answer.issuer != provider.issuer and (answer.issuer is not None or metadata.says_issuer):
        raise IdentityProviderRefused
    if answer.error is not None or answer.code is None:
        raise IdentityProviderRefused(provider_error=_shown(answer.error))
    claims = await _claims(hall, provider, metadata, pending, answer.code)
    foreigner = Foreigner.of(claims, USERNAME_CLAIM)
    if pending.member_id is not None and pending.session_id is not None:
        member_id = UUID(pending.member_id)
        async with hall.units.write(member=member_id) as uow:
            if UUID(pending.session_id) not in await repository.living_sessions(uow, member_id):
                raise SignInNotBegun
            await foreigners.link(uow, foreigner, member_id, client.address)
        return Finished(pending.return_to)
    user_id = await foreigners.arrive(hall.units, foreigner, client.address)
    device = pending.device or client.user_agent[:80] or "unnamed"
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
    passkey = exists().where(Passkey.user_id == member.id)
    if (
        user.password_hash is None
        and not any(one.issuer in logins_left for one in theirs if one not in gone)
        and not await uow.session.scalar(select(passkey))
    ):
        raise LastWayIn
    await uow.session.delete(gone[0])
    record(uow, "identity_unlinked", actor_id=member.id, issuer=gone[0].issuer)
    tell_door(uow, member.id, [identity_id], tombstone)


def _provider(hall: Hall, name: str) -> OidcProvider:
    provider = hall.issuers.providers.get(name)
    if provider is None:
        raise IdentityProviderNotFound
    return provider


async def _metadata(hall: Hall, provider: OidcProvider) -> ProviderMetadata:
    try:
        metadata = await hall.issuers.metadata(provider)
    except RemoteUnavailable:
        raise IdentityProviderUnavailable from None
    if metadata.authorization_endpoint is None or metadata.token_endpoint is None:
        raise IdentityProviderUnavailable
    return metadata


def _redirect_uri(hall: Hall, provider: OidcProvider) -> str:
    return f"{hall.settings.api.origin}/api/v1/auth/oidc/{provider.name}/callback"


async def _pending(
    hall: Hall, provider: OidcProvider, sealed: str | None, answer: Answer
) -> Pending:
    """Open what the browser has kept. Raises SignInNotBegun unless it is for this very answer."""
    try:
        opened = hall.sealer.open(_from_base64url(sealed or ""), PENDING_PLACE)
        kept = orjson.loads(opened)
        pending = Pending(**kept | {"transport": Transport(kept["transport"])})
    except (SealBroken, ValueError, TypeError, KeyError, binascii.Error):
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
    key = f"oidc:used:{hashlib.sha256(state.encode()).hexdigest()}"
    try:
        return bool(await hall.redis.set(key, b"", nx=True, ex=2 * PENDING_SECONDS))
    except RedisError:
        # The provider takes each code once, too.
        log.warning("oidc_state_not_counted")
        return True


async def _claims(
    hall: Hall,
    provider: OidcProvider,
    metadata: ProviderMetadata,
    pending: Pending,
    code: str,
) -> dict[str, Any]:
    """Exchange the code, and read who it was. No unit of work is open meanwhile."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _redirect_uri(hall, provider),
        "code_verifier": pending.verifier,
    }
    authorization = None
    secret = provider.client_secret.get_secret_value() if provider.client_secret else None
    if secret is not None and metadata.takes_basic:
        both = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"  # RFC 6749, section 2.3.1
        authorization = f"Basic {base64.b64encode(both.encode()).decode()}"
    else:
        form |= {"client_id": provider.client_id} | ({"client_secret": secret} if secret else {})
    try:
        assert metadata.token_endpoint is not None
        given = await hall.issuers.post_form(metadata.token_endpoint, form, authorization)
        id_token, access_token = given.get("id_token"), given.get("access_token")
        if not isinstance(id_token, str):
            raise IdentityProviderRefused
        read = await hall.issuers.read_id_token(id_token, provider)
    except RemoteUnavailable:
        raise IdentityProviderUnavailable from None
    except (RemoteRefused, TokenRefused) as error:
        log.warning("oidc_sign_in_refused", provider=provider.name, reason=str(error))
        raise IdentityProviderRefused from None
    nonce = read.claims.get("nonce")
    if (
        not isinstance(nonce, str)
        or not hmac.compare_digest(nonce.encode(), pending.nonce.encode())
        or not _goes_with(read, access_token)
    ):
        raise IdentityProviderRefused
    return dict(read.claims)


def _goes_with(id_token: Unverified, access_token: object) -> bool:
    """Tell whether both tokens were given out together, where the one says so (`at_hash`)."""
    at_hash = id_token.claims.get("at_hash")
    if at_hash is None:
        return True
    if not isinstance(at_hash, str) or not isinstance(access_token, str):
        return False
    digest = HASHES.get(id_token.algorithm[-3:], hashlib.sha512)(access_token.encode()).digest()
    expected = _base64url(digest[: len(digest) // 2])
    return hmac.compare_digest(at_hash.encode(), expected.encode())


def _shown(error: str | None) -> str | None:
    """Give the provider's code for what went wrong, unless it is something else."""
    fits = error is not None and len(error) <= 60 and error.isascii() and error.isidentifier()
    return error if fits else None


def _base64url(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
