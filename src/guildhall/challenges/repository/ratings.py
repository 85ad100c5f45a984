"""Statements of ratings: how hard challenges are, and how able members."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from guildhall.challenges.models import ChallengeRating, MemberAbility
from guildhall.challenges.rules import Rating
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = [
    "abilities",
    "challenge_ratings",
    "claim_calibrations",
    "save_abilities",
    "save_challenge_ratings",
]


async def abilities(
    uow: UnitOfWork, keys: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], Rating]:
    """Read members' abilities by (member, domain); who has none is not in it."""
    rows = await uow.session.execute(
        select(MemberAbility).where(MemberAbility.user_id.in_({user_id for user_id, _ in keys}))
    )
    return {
        (row.user_id, row.domain): Rating(row.rating, row.deviation, row.games) for (row,) in rows
    }


async def challenge_ratings(uow: UnitOfWork, challenge_ids: Collection[UUID]) -> dict[UUID, Rating]:
    """Lock and read challenges' ratings, in the order of their ids. Every challenge has one."""
    rows = await uow.session.scalars(
        select(ChallengeRating)
        .where(ChallengeRating.challenge_id.in_(challenge_ids))
        .order_by(ChallengeRating.challenge_id)
        .with_for_update()
    )
    return {row.challenge_id: Rating(row.rating, row.deviation, row.games) for row in rows}


# Records are locked in the order in which `lock_records` locks them.
CLAIM_CALIBRATIONS = text("""
WITH fresh AS (
    SELECT r.user_id, r.challenge_id FROM challenge_records r
    JOIN unnest(CAST(:user_ids AS uuid[]), CAST(:challenge_ids AS uuid[]))
        AS w(user_id, challenge_id)
      ON w.user_id = r.user_id AND w.challenge_id = r.challenge_id
    WHERE NOT r.calibrated
    ORDER BY r.user_id, r.challenge_id
    FOR UPDATE OF r
)
UPDATE challenge_records r SET calibrated = true FROM fresh f
WHERE r.user_id = f.user_id AND r.challenge_id = f.challenge_id
RETURNING r.user_id, r.challenge_id
""")


async def claim_calibrations(
    uow: UnitOfWork, keys: Collection[tuple[UUID, UUID]]
) -> set[tuple[UUID, UUID]]:
    """Note that first attempts count, by (member, challenge); give those that had not yet."""
    rows = await uow.session.execute(
        CLAIM_CALIBRATIONS,
        {
            "user_ids": [user_id for user_id, _ in keys],
            "challenge_ids": [challenge_id for _, challenge_id in keys],
        },
    )
    return {(row.user_id, row.challenge_id) for row in rows}


async def save_abilities(uow: UnitOfWork, abilities: Mapping[tuple[UUID, str], Rating]) -> None:
    """Write members' abilities."""
    await uow.session.execute(
        text(
            "INSERT INTO member_abilities (user_id, domain, rating, deviation, games)"
            " SELECT * FROM unnest(CAST(:user_ids AS uuid[]), CAST(:domains AS text[]),"
            " CAST(:ratings AS float8[]), CAST(:deviations AS float8[]), CAST(:games AS int[]))"
            " AS a(u, d, r, v, g) ORDER BY u, d"
            " ON CONFLICT (user_id, domain) DO UPDATE SET rating = excluded.rating,"
            " deviation = excluded.deviation, games = excluded.games"
        ),
        {
            "user_ids": [user_id for user_id, _ in abilities],
            "domains": [domain for _, domain in abilities],
            **_columns(abilities.values()),
        },
    )


async def save_challenge_ratings(uow: UnitOfWork, ratings: Mapping[UUID, Rating]) -> None:
    """Write challenges' ratings."""
    await uow.session.execute(
        text(
            "INSERT INTO challenge_ratings (challenge_id, rating, deviation, games)"
            " SELECT * FROM unnest(CAST(:challenge_ids AS uuid[]),"
            " CAST(:ratings AS float8[]), CAST(:deviations AS float8[]), CAST(:games AS int[]))"
            " AS c(id, r, v, g) ORDER BY id"
            " ON CONFLICT (challenge_id) DO UPDATE SET rating = excluded.rating,"
            " deviation = excluded.deviation, games = excluded.games"
        ),
        {"challenge_ids": list(ratings), **_columns(ratings.values())},
    )


def _columns(ratings: Collection[Rating]) -> dict[str, list[Any]]:
    return {
        "ratings": [rating.rating for rating in ratings],
        "deviations": [rating.deviation for rating in ratings],
        "games": [rating.games for rating in ratings],
    }
