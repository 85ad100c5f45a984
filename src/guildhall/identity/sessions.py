"""Use cases of sessions: sign in, stay in, leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import Row

from guildhall.identity import passwords, repository, rules
from guildhall.identity.audit import record
from guildhall.identity.errors import (
    CredentialsWrong,
    DeviceNotFound,
    LoginThrottled,
    RefreshTokenRefused,
    RefreshTokenReused,
    SessionNotFound,
)
from guildhall.identity.events import SessionsChanged
from guildhall.identity.models import ActiveSession, Device, User
from guildhall.identity.passwords import Guesses
from guildhall.identity.rules import Rotation
from guildhall.identity.schemas import Login, SessionOut, TokensOut
from guildhall.infra.database import Database
from guildhall.infra.door import Sessions, tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.http.access import RequestClient
from guildhall.infra.settings import SecuritySettings
from guildhall.infra.tokens import TokenRefused, Tokens
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.clock import Clock
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member, Role
from guildhall.kernel.paging import Page, page_of, position_in

__all__ = [
    "end_device",
    "end_session",
    "login",
    "logout",
    "refresh",
    "session_loader",
    "sessions",
    "tell_door",
]

# Wrong passwords without a wait: for one name from one place, for one account from all places
# that are new to it, and from one address, behind which a whole school may sit.
WRONG_PASSWORDS = 10
WRONG_PASSWORDS_PER_ACCOUNT = 50
WRONG_PASSWORDS_PER_ADDRESS = 300


async def login(hall: Hall, tokens: Tokens, body: Login, client: RequestClient) -> TokensOut:
    """Open a session for whoever knows the password.

    Too many wrong passwords have to wait; `_guesses` says whose are counted together. An unknown
    name is counted like a known one, and takes as long as a wrong password.
    """
    key = rules.name_key(body.login)
    device_name = body.device or client.user_agent[:80] or "unnamed"
    async with hall.units.read() as uow:
        account = await repository.user_by_login(uow, key)
        usual = await repository.is_usual_device(
            uow, account.id if account else new_id(), device_name, client.address
        )
    whose = f"account:{account.id}" if account else f"nobody:{key}"
    guesses = _guesses(whose, key, client.address, device_name if usual else None)
    wait_seconds = await passwords.count_guess(hall.redis, guesses)
    if wait_seconds:
        raise LoginThrottled(retry_after_seconds=wait_seconds)
    right, upgraded = await passwords.verify_password(
        body.password, account.password_hash if account else None
    )
    if account is None or not right or account.status != "active":
        async with hall.units.write() as uow:
            record(
                uow,
                "login_failed",
                target_id=account.id if account else None,
                address=client.address,
            )
        raise CredentialsWrong
    await passwords.forgive_guess(hall.redis, guesses)
    async with hall.units.write() as uow:
        # Asked again, and locked: who changes the account now must find this session, or we them.
        account = await uow.session.get_one(User, account.id, with_for_update={"key_share": True})
        if account.status != "active":
            raise CredentialsWrong
        if upgraded is not None:
            account.password_hash = upgraded
        device = await repository.device_seen(
            uow,
            account.id,
            device_name,
            user_agent=client.user_agent,
            address=client.address,
        )
        session = ActiveSession(
            user_id=account.id,
            id=new_id(),
            device_id=device.id,
            generation=0,
            rotated_at=uow.now,
            created_at=uow.now,
            expires_at=uow.now + timedelta(seconds=hall.settings.security.refresh_token_seconds),
        )
        uow.session.add(session)
        record(uow, "login", actor_id=account.id, address=client.address, device=device.name)
    return _tokens(tokens, session, hall.settings.security)


async def refresh(
    units: UnitsOfWork,
    tokens: Tokens,
    settings: SecuritySettings,
    refresh_token: str,
    client: RequestClient,
) -> TokensOut:
    """Exchange a refresh token for new tokens; `rules.rotation` says when.

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
        if session is None or session.ended_at is not None or session.expires_at <= uow.now:
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
            session.expires_at = uow.now + timedelta(seconds=settings.refresh_token_seconds)
        elif outcome is Rotation.END_FAMILY:
            await repository.end_sessions(uow, user_id, "refresh_reused", session_id=session_id)
            record(
                uow,
                "refresh_token_reused",
                target_id=user_id,
                address=client.address,
                session_id=str(session_id),
            )
            tell_door(uow, user_id, [session_id], tombstone)
    if outcome is Rotation.END_FAMILY:
        raise RefreshTokenReused
    return _tokens(tokens, session, settings)


async def logout(uow: UnitOfWork, member: Member) -> None:
    """End the session that this request came from."""
    await end_session(uow, member, member.session_id)


async def end_session(uow: UnitOfWork, member: Member, session_id: UUID) -> None:
    """End one of the member's sessions, at once on every process."""
    ended = await repository.end_sessions(uow, member.id, "member", session_id=session_id)
    if not ended:
        raise SessionNotFound
    _shut(uow, member, ended)


async def end_device(uow: UnitOfWork, member: Member, device_id: UUID) -> None:
    """Forget one of the member's devices and end its sessions."""
    device = await uow.session.get(Device, (member.id, device_id))
    if device is None:
        raise DeviceNotFound
    ended = await repository.end_sessions(uow, member.id, "device", device_id=device_id)
    await uow.session.delete(device)
    _shut(uow, member, ended)


async def sessions(
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
            current=session.id == member.session_id,
        )

    before = position_in(cursor, UUID)[0] if cursor else None
    rows = await repository.sessions_of(uow, member.id, limit, before)
    return page_of(rows, limit, shown, lambda row: (row[0].id,))


# Asked on the door's cold path, for every session that Redis does not know: hence the read pool.
ALIVE = """
SELECT u.role, u.time_zone, u.day_starts_at
FROM active_sessions s JOIN users u ON u.id = s.user_id
WHERE s.user_id = $1 AND s.id = $2 AND s.ended_at IS NULL AND s.expires_at > $3
  AND u.status = 'active'
"""


def session_loader(database: Database, clock: Clock) -> Sessions:
    """Give the function with which the door asks the database about a session."""

    async def load(user_id: UUID, session_id: UUID) -> Member | None:
        row = await database.reads.fetchrow(ALIVE, user_id, session_id, clock.now())
        if row is None:
            return None
        return Member(
            user_id, session_id, Role(row["role"]), row["time_zone"], row["day_starts_at"]
        )

    return load


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


def _guesses(whose: str, key: str, address: str, usual_device: str | None) -> list[Guesses]:
    """Say with which others a guess at an account's password is counted.

    From one place it goes by the name as typed, not by the account: else a wait for the address
    of an account whose username was guessed at would tell that they belong together.

    The device that a member usually signs in with, where they do, has a count of its own:
    whatever strangers do elsewhere, it stays open (OWASP, "Slow Down Online Guessing Attacks with
    Device Cookies"; ASVS 5, 6.1.1 and 6.3.1). All others share one per account and one per
    address besides, so that neither many addresses nor many accounts help. What looks like a
    usual device adds to that of the address too, but does not wait for it.
    """
    per_address = Guesses(f"address:{address}", WRONG_PASSWORDS_PER_ADDRESS, shared=True)
    # As tuples are written, no two become one, whatever is typed.
    if usual_device is not None:
        own = Guesses(repr((address, key, usual_device)), WRONG_PASSWORDS)
        return [own, per_address._replace(free=None)]
    return [
        Guesses(repr((address, key)), WRONG_PASSWORDS),
        Guesses(whose, WRONG_PASSWORDS_PER_ACCOUNT, shared=True),
        per_address,
    ]


def _tokens(tokens: Tokens, session: ActiveSession, settings: SecuritySettings) -> TokensOut:
    """Sign both tokens of a generation; the same generation always gets the same refresh token."""
    issued_at = int(session.rotated_at.timestamp())
    whose = {"sub": str(session.user_id), "sid": str(session.id)}
    return TokensOut(
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
