"""Use cases of signing in: who knows the password, and what else they must show."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from guildhall.identity import passwords, repository, rules
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    AccountSuspended,
    CredentialsWrong,
    LoginThrottled,
    SecondFactorRequired,
)
from guildhall.identity.guesses import Guesses, forgive_guess, guard_guess
from guildhall.identity.repository import Candidate
from guildhall.identity.schemas import Login, Transport
from guildhall.identity.sessions import SignedIn, open_session, signed_in
from guildhall.infra.door import subscriber
from guildhall.infra.hall import Hall
from guildhall.infra.tokens import Tokens
from guildhall.kernel.client import RequestClient
from guildhall.kernel.ids import new_id

__all__ = ["SECOND_FACTOR_LIFETIME", "SECOND_FACTOR_TOKEN", "let_in", "login"]

# Wrong passwords without a wait: for one name from one place, for one account from all places
# that are new to it, and from one address, behind which a whole school may sit.
WRONG_PASSWORDS = 10
WRONG_PASSWORDS_PER_ACCOUNT = 50
WRONG_PASSWORDS_PER_ADDRESS = 300

SECOND_FACTOR_TOKEN = "second-factor"  # noqa: S105  # the type of a token
SECOND_FACTOR_LIFETIME = timedelta(minutes=5)


async def login(hall: Hall, tokens: Tokens, body: Login, client: RequestClient) -> SignedIn:
    """Open a session for whoever knows the password.

    Too many wrong passwords have to wait; `_guesses` says whose are counted together. An unknown
    name is counted like a known one, and takes as long as a wrong password. An address is tried
    with the account it was verified for and with the first that claims it, whether or not there
    are such: so neither tells that the other is there.
    """
    key = rules.name_key(body.login)
    device_name = client.device_name(body.device)
    async with hall.units.read() as uow:
        candidates = await repository.users_by_login(uow, key)
        account = next(filter(None, candidates), None)
        usual = await repository.is_usual_device(
            uow, account.id if account else new_id(), device_name, client.address
        )
    whose = f"account:{account.id}" if account else f"nobody:{key}"
    guesses = _guesses(whose, key, subscriber(client.address), device_name if usual else None)
    await guard_guess(hall.redis, guesses, LoginThrottled)
    known: tuple[Candidate, str | None] | None = None
    for candidate in candidates:
        right, upgraded = await passwords.verify_password(
            body.password, candidate.password_hash if candidate else None
        )
        if candidate is None or not right or candidate.status == "erased":
            continue
        if known is None or known[0].status != "active":
            known = candidate, upgraded
    if known is None:
        async with hall.units.write() as uow:
            record(uow, "login_failed", target_id=account.id if account else None)
        raise CredentialsWrong
    candidate, upgraded = known
    # An account of one's own that claims the same address is no excuse for guesses at the other.
    its_own = account is not None and candidate.id == account.id
    await forgive_guess(
        hall.redis, guesses if its_own else [each._replace(shared=True) for each in guesses]
    )
    return await let_in(
        hall,
        tokens,
        candidate.id,
        device_name,
        client,
        transport=body.transport,
        method="password",
        standing=rules.standing(candidate.password_hash),
        new_hash=upgraded,
    )


async def let_in(
    hall: Hall,
    tokens: Tokens,
    user_id: UUID,
    device_name: str,
    client: RequestClient,
    *,
    transport: Transport,
    method: str,
    second_factor: bool = False,
    standing: str | None = None,
    new_hash: str | None = None,
) -> SignedIn:
    """Open a session for an account whose owner has just shown who they are.

    `standing` says of which password the account was then: one that was changed since lets nobody
    in any more, and is not written back.
    Raises SecondFactorRequired, with a token to go on with, if the account asks for more than what
    was shown; AccountSuspended, on record, or CredentialsWrong if there is no account any more.
    """
    async with hall.units.write(member=user_id) as uow:
        # Asked again, and locked: who changes the account now must find this session, or we them.
        account = await repository.lock_account(
            uow, user_id, even_suspended=True, otherwise=CredentialsWrong
        )
        if standing not in (None, rules.standing(account.password_hash)):
            raise CredentialsWrong
        suspended = account.status == "suspended"
        if suspended:
            record(uow, "login_failed", target_id=user_id, reason="suspended")
        elif new_hash is not None:
            account.password_hash = new_hash
        asked_for_more = not second_factor and await repository.has_second_factor(uow, user_id)
        if not suspended and not asked_for_more:
            session = await open_session(
                uow,
                user_id,
                device_name,
                client,
                transport=transport,
                second_factor=second_factor,
                method=method,
                settings=hall.settings.security,
            )
    if suspended:
        raise AccountSuspended
    if asked_for_more:
        token = tokens.sign(
            SECOND_FACTOR_TOKEN,
            {
                "sub": str(user_id),
                "jti": str(new_id()),
                "device": device_name,
                "transport": transport,
                "method": method,
                "standing": rules.standing(account.password_hash),
                "exp": int((uow.now + SECOND_FACTOR_LIFETIME).timestamp()),
            },
        )
        raise SecondFactorRequired(second_factor_token=token)
    return signed_in(tokens, session, hall.settings.security)


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
