"""Use cases of sessions: open one, stay in, leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import Row

from guildhall.identity import letters, repository, rules
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    AccountSuspended,
    DeviceNotFound,
    PersonRequired,
    ReauthenticationRequired,
    RefreshTokenRefused,
    RefreshTokenReused,
    SessionNotFound,
)
from guildhall.identity.events import SessionsChanged
from guildhall.identity.models import ActiveSession, Device, User
from guildhall.identity.rules import Rotation
from guildhall.identity.schemas import SessionOut, TokensOut, Transport
from guildhall.infra.door import forget_session, tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.settings import SecuritySettings
from guildhall.infra.tokens import TokenRefused, Tokens
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.client import RequestClient
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import OPERATOR_ID, Member
from guildhall.kernel.paging import Page, page_of, position_in

__all__ = [
    "SignedIn",
    "ask_again",
    "check_proven",
    "check_recent",
    "check_recent_elsewhere",
    "end_all",
    "end_device",
    "end_others",
    "end_session",
    "logout",
    "open_session",
    "page_of_sessions",
    "refresh",
    "signed_in",
    "tell_door",
]


@dataclass(frozen=True)
class SignedIn:
    """A session that somebody has just opened or refreshed."""

    session_id: UUID
    transport: Transport
    tokens: TokensOut
    lasts_seconds: int
    """How long it may stay unused."""


async def open_session(
    uow: UnitOfWork,
    user_id: UUID,
    device_name: str,
    client: RequestClient,
    *,
    transport: Transport,
    second_factor: bool,
    method: str,
    settings: SecuritySettings,
) -> ActiveSession:
    """Open a session for an account that the caller has locked and found active.

    `method` is how they proved who they are, for the record. Of a device that was not seen
    before they are told by mail.
    """
    device, is_new = await repository.device_seen(
        uow, user_id, device_name, user_agent=client.user_agent, address=client.address
    )
    if is_new and await repository.has_signed_in(uow, user_id):
        await letters.start_letter(
            uow, letters.mail_new_device, user_id=str(user_id), device_id=str(device.id)
        )
    session = ActiveSession(
        user_id=user_id,
        id=new_id(),
        device_id=device.id,
        generation=0,
        rotated_at=uow.now,
        created_at=uow.now,
        expires_at=uow.now
        + timedelta(seconds=min(settings.refresh_token_seconds, settings.session_seconds)),
        authenticated_at=uow.now,
        second_factor=second_factor,
        transport=transport,
    )
    uow.session.add(session)
    record(
        uow,
        "login",
        actor_id=user_id,
        device=device.name,
        method=method,
        second_factor=second_factor,
    )
    return session


async def refresh(
    units: UnitsOfWork,
    tokens: Tokens,
    settings: SecuritySettings,
    refresh_token: str,
    transport: Transport,
) -> SignedIn:
    """Exchange a refresh token for new tokens; `rules.rotation` says when.

    It must come the way it was given out: one from a cookie is worth nothing in a script's hands.

    Opens its own unit of work: ending the family of a reused token must be committed although
    the caller is refused.
    """
    async with units.write() as uow:
        try:
            claims = tokens.read(refresh_token, "refresh", uow.now)
        except TokenRefused:
            raise RefreshTokenRefused from None
        user_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
        session = await repository.session_for_update(uow, user_id, session_id)
        if session is None:
            # Who holds a token that was good is told why it is so no longer.
            account = await uow.session.get(User, user_id)
            if account is not None and account.status == "suspended":
                raise AccountSuspended
        if session is None or session.ended_at is not None or session.expires_at <= uow.now:
            raise RefreshTokenRefused
        if session.transport != transport:
            raise RefreshTokenRefused
        outcome = rules.rotation(
            claims["gen"],
            session.generation,
            session.rotated_at,
            uow.now,
            timedelta(seconds=settings.refresh_grace_seconds),
        )
        if outcome is Rotation.NEW_CHILD:
            session.generation += 1
            session.rotated_at = uow.now
            session.expires_at = min(
                uow.now + timedelta(seconds=settings.refresh_token_seconds),
                session.created_at + timedelta(seconds=settings.session_seconds),
            )
        elif outcome is Rotation.END_FAMILY:
            await repository.end_sessions(uow, user_id, "refresh_reused", session_id=session_id)
            record(uow, "refresh_token_reused", target_id=user_id, session_id=str(session_id))
            tell_door(uow, user_id, [session_id], tombstone)
    if outcome is Rotation.END_FAMILY:
        raise RefreshTokenReused
    return signed_in(tokens, session, settings)


async def logout(uow: UnitOfWork, member: Member) -> None:
    """End the session that this request came from."""
    await end_session(uow, member, member.session_id)


async def end_session(uow: UnitOfWork, member: Member, session_id: UUID) -> None:
    """End one of the member's sessions, at once on every process."""
    ended = await repository.end_sessions(uow, member.id, "member", session_id=session_id)
    if not ended:
        raise SessionNotFound
    _shut(uow, member, ended)


async def end_others(uow: UnitOfWork, member: Member) -> int:
    """End all of the member's sessions but the one they ask from; give how many. Audited."""
    ended = await end_all(uow, member.id, "member", but=member.session_id)
    record(uow, "sessions_ended", actor_id=member.id, target_id=member.id, sessions=len(ended))
    return len(ended)


async def end_device(uow: UnitOfWork, member: Member, device_id: UUID) -> None:
    """Forget one of the member's devices and end its sessions."""
    device = await uow.session.get(Device, (member.id, device_id))
    if device is None:
        raise DeviceNotFound
    ended = await repository.end_sessions(uow, member.id, "device", device_id=device_id)
    await uow.session.delete(device)
    _shut(uow, member, ended)


async def page_of_sessions(
    uow: UnitOfWork, member: Member, limit: int, cursor: str | None
) -> Page[SessionOut]:
    """Give a page of the member's living sessions, newest first."""

    def shown(row: Row[ActiveSession, str]) -> SessionOut:
        session, device = row
        return SessionOut(
            id=session.id,
            device_id=session.device_id,
            device=device,
            created_at=session.created_at,
            rotated_at=session.rotated_at,
            expires_at=session.expires_at,
            second_factor=session.second_factor,
            current=session.id == member.session_id,
        )

    before = position_in(cursor, UUID)[0] if cursor else None
    rows = await repository.sessions_of(uow, member.id, limit, before)
    return page_of(rows, limit, shown, lambda row: (row[0].id,))


async def end_all(
    uow: UnitOfWork, user_id: UUID, reason: str, *, but: UUID | None = None
) -> Sequence[UUID]:
    """End all of somebody's sessions, or all but one, at once on every process; give their ids."""
    ended = await repository.end_sessions(uow, user_id, reason, but=but)
    tell_door(uow, user_id, ended, tombstone)
    return ended


async def check_recent(hall: Hall, member: Member) -> None:
    """Raises PersonRequired or ReauthenticationRequired unless the member proved who they are a
    short while ago, in this very session. The operator's secret is proof each time."""
    if member.id == OPERATOR_ID:
        return
    if member.scopes is not None:
        raise PersonRequired
    async with hall.database.reads_of(member.id) as connection:
        authenticated_at = await connection.fetchval(
            "SELECT authenticated_at FROM active_sessions WHERE user_id = $1 AND id = $2",
            member.id,
            member.session_id,
        )
    longest = timedelta(seconds=hall.settings.security.reauthentication_seconds)
    if authenticated_at is None or hall.clock.now() - authenticated_at > longest:
        raise ReauthenticationRequired


async def ask_again(uow: UnitOfWork, user_id: UUID) -> None:
    """Have the door read this member anew, whatever they come in with."""
    tell_door(uow, user_id, await repository.door_ids(uow, user_id), forget_session)


async def check_recent_elsewhere(hall: Hall, member: Member, claims: Mapping[str, Any]) -> None:
    """Raises ReauthenticationRequired unless an issuer elsewhere says that it saw its member a
    short while ago (`auth_time`), and the member has no way to show who they are here.

    Enough for what is a member's right, for who could not have it otherwise. Who can sign in to the
    hall does so, with all that it asks of them.
    """
    seen_at = claims.get("auth_time")
    oldest = hall.clock.now().timestamp() - hall.settings.security.reauthentication_seconds
    if not isinstance(seen_at, int | float) or seen_at < oldest:
        raise ReauthenticationRequired
    async with hall.units.read(member=member.id) as uow:
        if await repository.can_sign_in_here(uow, member.id):
            raise ReauthenticationRequired


async def check_proven(uow: UnitOfWork, who: Member) -> None:
    """Raises ReauthenticationRequired for an account with a second factor, or a passkey, whose
    owner did not show it in this session: who has the password alone must neither change what asks
    for more than a password, nor set up what would do as well."""
    if who.second_factor:
        return
    if await repository.has_second_factor(uow, who.id) or await repository.has_passkey(uow, who.id):
        raise ReauthenticationRequired


def tell_door(
    uow: UnitOfWork,
    user_id: UUID,
    session_ids: Sequence[UUID],
    say: Callable[[Redis, Sequence[UUID]], Awaitable[None]],
) -> None:
    """Tell the door of sessions that changed: right after the commit, or else soon after."""
    if session_ids:
        uow.after_commit(
            lambda: say(uow.redis, session_ids),
            otherwise=SessionsChanged(
                subject_id=user_id, occurred_at=uow.now, session_ids=tuple(session_ids)
            ),
        )


def _shut(uow: UnitOfWork, member: Member, ended: Sequence[UUID]) -> None:
    for session_id in ended:
        record(uow, "session_ended", actor_id=member.id, session_id=str(session_id))
    tell_door(uow, member.id, ended, tombstone)


def signed_in(tokens: Tokens, session: ActiveSession, settings: SecuritySettings) -> SignedIn:
    """Sign both tokens of a generation; the same generation always gets the same refresh token."""
    issued_at = int(session.rotated_at.timestamp())
    whose = {"sub": str(session.user_id), "sid": str(session.id)}
    signed = TokensOut(
        access_token=tokens.sign(
            "access",
            {**whose, "iat": issued_at, "exp": issued_at + settings.access_token_seconds},
        ),
        refresh_token=tokens.sign(
            "refresh",
            {
                **whose,
                "gen": session.generation,
                "iat": issued_at,
                "exp": issued_at + settings.refresh_token_seconds,
            },
        ),
        expires_in=settings.access_token_seconds,
    )
    return SignedIn(
        session.id, Transport(session.transport), signed, settings.refresh_token_seconds
    )
