"""Statements of progression.

The batch statements take arrays and unnest them: one round trip for a batch of any size, and one
plan on Citus too, where every row of a subject lives on one shard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, TextClause, select, text

from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id
from guildhall.progression.conditions import Condition, Facts, parse, totals
from guildhall.progression.events import Achievement, Happening
from guildhall.progression.models import Badge, RankSystem, StreakPause
from guildhall.progression.rules import BOARD_GLOBAL, Streak, periods_at

__all__ = [
    "BADGE_CATALOGUE",
    "ActiveBadge",
    "Gain",
    "Standing",
    "active_badges",
    "active_days",
    "award",
    "days_away",
    "give_badges",
    "lock_standings",
    "note",
    "paused_days",
    "raise_ranks",
    "rank_systems",
    "read_standings",
    "record_frozen",
    "records_of",
    "save",
]


BADGE_CATALOGUE = "badges-to-earn"
"""Where the badges that can be earned are cached. Whoever changes one drops it."""
CATALOGUE_TTL_SECONDS = 60


@dataclass(slots=True)
class Standing:
    """A subject's progress, locked and open for change."""

    subject_id: UUID
    total_xp: int
    level: int
    streak: Streak
    on_leaderboards: bool


@dataclass(frozen=True, slots=True)
class Gain:
    """XP that a subject gained, or lost, at an instant; outside any domain if there is none."""

    subject_id: UUID
    domain: str | None
    xp: int
    at: datetime


STANDING = """subject_id, total_xp, level, streak_days, streak_longest, streak_last_day,
       streak_freezes, on_leaderboards"""

READ = text(f"SELECT {STANDING} FROM subject_progress WHERE subject_id = ANY(:subject_ids)")

LOCK = text(f"""
WITH locked AS (
    SELECT {STANDING} FROM subject_progress
    WHERE subject_id = ANY(:subject_ids)
    ORDER BY subject_id
    FOR UPDATE
), opened AS (
    INSERT INTO subject_progress (subject_id)
    SELECT s FROM unnest(CAST(:subject_ids AS uuid[])) AS s
    WHERE NOT EXISTS (SELECT FROM subject_progress p WHERE p.subject_id = s)
    ORDER BY s
    ON CONFLICT DO NOTHING
    RETURNING {STANDING}
)
SELECT * FROM locked UNION ALL SELECT * FROM opened
""")


async def lock_standings(uow: UnitOfWork, subject_ids: Iterable[UUID]) -> dict[UUID, Standing]:
    """Lock the subjects' progress, in the order of their ids so that batches do not deadlock.

    (They still can if two batches open the same new subject; PostgreSQL then ends one, which is
    tried again.)
    Whoever changes a subject's XP, streak or badges holds this lock, until the end.
    """
    wanted = sorted(set(subject_ids))
    locked = await _standings(uow, LOCK, wanted)
    while len(locked) < len(wanted):
        # Somebody else opened one at the same moment; by now it can be seen.
        locked = await _standings(uow, LOCK, wanted)
    return locked


async def read_standings(uow: UnitOfWork, subject_ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Read progress without locking it."""
    return await _standings(uow, READ, subject_ids)


async def _standings(
    uow: UnitOfWork, statement: TextClause, subject_ids: Sequence[UUID]
) -> dict[UUID, Standing]:
    return {
        row.subject_id: Standing(
            row.subject_id,
            row.total_xp,
            row.level,
            Streak(row.streak_days, row.streak_longest, row.streak_last_day, row.streak_freezes),
            row.on_leaderboards,
        )
        for row in await uow.session.execute(statement, {"subject_ids": list(subject_ids)})
    }


ADD_ACTIVITIES = """
INSERT INTO activities
    (subject_id, event_id, topic, outcome, domain, keeps_streak, occurred_at, local_day)
SELECT subject_id, event_id, topic, outcome, domain, {keeps_streak}, occurred_at, local_day
FROM {told}
ON CONFLICT DO NOTHING
RETURNING event_id
"""

NOTE = text(
    ADD_ACTIVITIES.format(
        keeps_streak="false",
        told="""unnest(
    CAST(:subject_ids AS uuid[]), CAST(:event_ids AS uuid[]), CAST(:topics AS text[]),
    CAST(:outcomes AS text[]), CAST(:domains AS text[]), CAST(:occurred_ats AS timestamptz[]),
    CAST(:local_days AS date[]))
    AS t(subject_id, event_id, topic, outcome, domain, occurred_at, local_day)""",
    )
)

AWARD = text(f"""
WITH told AS (
    SELECT * FROM unnest(
        CAST(:subject_ids AS uuid[]), CAST(:event_ids AS uuid[]), CAST(:topics AS text[]),
        CAST(:outcomes AS text[]), CAST(:domains AS text[]), CAST(:occurred_ats AS timestamptz[]),
        CAST(:local_days AS date[]), CAST(:ids AS uuid[]), CAST(:xps AS int[]),
        CAST(:cause_types AS text[]), CAST(:cause_ids AS uuid[]), CAST(:rule_ids AS text[]),
        CAST(:rule_versions AS int[]))
        AS t(subject_id, event_id, topic, outcome, domain, occurred_at, local_day, id, xp,
             cause_type, cause_id, rule_id, rule_version)
), noted AS ({ADD_ACTIVITIES.format(keeps_streak="true", told="told")}), awarded AS (
    INSERT INTO xp_ledger
        (subject_id, id, xp, cause_type, cause_id, rule_id, rule_version, domain, occurred_at,
         local_day)
    SELECT subject_id, id, xp, cause_type, cause_id, rule_id, rule_version, domain, occurred_at,
           local_day
    FROM told JOIN noted USING (event_id) WHERE xp > 0
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT event_id, awarded.id IS NOT NULL AS awarded
FROM told JOIN noted USING (event_id) LEFT JOIN awarded USING (id)
""")


async def note(uow: UnitOfWork, happenings: Sequence[Happening]) -> set[UUID]:
    """Write down what happened; give the ids of the events that were not known yet."""
    return set(await uow.session.scalars(NOTE, _activities(happenings)))


async def award(uow: UnitOfWork, achievements: Sequence[Achievement]) -> dict[UUID, bool]:
    """Write down what was achieved, and the XP for it in the ledger.

    Gives the ids of the events that were not known yet, each with whether it earned XP: a cause
    is awarded once, whatever number of events it has.
    """
    rows = await uow.session.execute(
        AWARD,
        {
            **_activities(achievements),
            "ids": [new_id() for _ in achievements],
            "xps": [award.xp for award in achievements],
            "cause_types": [award.cause_type for award in achievements],
            "cause_ids": [award.cause_id for award in achievements],
            "rule_ids": [award.rule_id for award in achievements],
            "rule_versions": [award.rule_version for award in achievements],
        },
    )
    return {row.event_id: row.awarded for row in rows}


def _activities(happenings: Sequence[Happening | Achievement]) -> dict[str, list[Any]]:
    return {
        "subject_ids": [happening.subject_id for happening in happenings],
        "event_ids": [happening.event_id for happening in happenings],
        "topics": [happening.topic() for happening in happenings],
        "outcomes": [getattr(happening, "outcome", None) for happening in happenings],
        "domains": [getattr(happening, "domain", None) for happening in happenings],
        "occurred_ats": [happening.occurred_at for happening in happenings],
        "local_days": [happening.local_day for happening in happenings],
    }


# Every gain counts on the global board and on its domain's, in each period that it falls into;
# gains at instants with the same periods name them once, by their position.
SAVE = text("""
WITH saved AS (
    UPDATE subject_progress p
    SET total_xp = s.total_xp, level = s.level, streak_days = s.streak_days,
        streak_longest = s.streak_longest, streak_last_day = s.streak_last_day,
        streak_freezes = s.streak_freezes
    FROM unnest(
        CAST(:subject_ids AS uuid[]), CAST(:total_xps AS bigint[]), CAST(:levels AS int[]),
        CAST(:days AS int[]), CAST(:longests AS int[]), CAST(:last_days AS date[]),
        CAST(:freezes AS int[])) AS s(subject_id, total_xp, level, streak_days, streak_longest,
                                      streak_last_day, streak_freezes)
    WHERE p.subject_id = s.subject_id
)
INSERT INTO board_entries AS b (subject_id, board, period, xp, reached_at)
SELECT g.subject_id, n.board, p.period, sum(g.xp),
       coalesce(max(g.at) FILTER (WHERE g.xp > 0), to_timestamp(0))
FROM unnest(
    CAST(:gainers AS uuid[]), CAST(:domains AS text[]), CAST(:xps AS bigint[]),
    CAST(:ats AS timestamptz[]), CAST(:fallings AS int[])) AS g(subject_id, domain, xp, at, falling)
CROSS JOIN LATERAL (VALUES (CAST(:everyone AS text)), (g.domain)) AS n(board)
JOIN unnest(CAST(:positions AS int[]), CAST(:periods AS text[])) AS p(position, period)
  ON p.position = g.falling
WHERE n.board IS NOT NULL
GROUP BY g.subject_id, n.board, p.period
ORDER BY g.subject_id, n.board, p.period
ON CONFLICT (subject_id, board, period) DO UPDATE
SET xp = b.xp + excluded.xp,
    reached_at = greatest(b.reached_at, excluded.reached_at),
    version = b.version + 1
RETURNING subject_id, board, period, xp, reached_at, version
""")


async def save(
    uow: UnitOfWork, standings: Collection[Standing], gains: Sequence[Gain] = ()
) -> Sequence[Row[Any]]:
    """Write back what was locked, and add gains to the board entries they count in.

    Gives those entries as they are now. `reached_at`, which breaks ties, is the instant of the
    last gain; a loss does not move it.
    """
    periods = [tuple(periods_at(gain.at).values()) for gain in gains]
    position_of = {each: position for position, each in enumerate(dict.fromkeys(periods))}
    fallings = [(position, period) for each, position in position_of.items() for period in each]
    result = await uow.session.execute(
        SAVE,
        {
            "subject_ids": [standing.subject_id for standing in standings],
            "total_xps": [standing.total_xp for standing in standings],
            "levels": [standing.level for standing in standings],
            "days": [standing.streak.days for standing in standings],
            "longests": [standing.streak.longest for standing in standings],
            "last_days": [standing.streak.last_day for standing in standings],
            "freezes": [standing.streak.freezes for standing in standings],
            "everyone": BOARD_GLOBAL,
            "gainers": [gain.subject_id for gain in gains],
            "domains": [gain.domain for gain in gains],
            "xps": [gain.xp for gain in gains],
            "ats": [gain.at for gain in gains],
            "fallings": [position_of[each] for each in periods],
            "positions": [position for position, _ in fallings],
            "periods": [period for _, period in fallings],
        },
    )
    return result.all()


async def paused_days(uow: UnitOfWork, subject_ids: Collection[UUID]) -> dict[UUID, set[date]]:
    """Give the days that nobody holds against each subject; who has none is not in it."""
    return await _days_of(uow, StreakPause.subject_id.in_(subject_ids))


async def days_away(uow: UnitOfWork, subject_id: UUID) -> set[date]:
    """Give the days on which a subject said that they would do nothing."""
    found = await _days_of(uow, StreakPause.subject_id == subject_id, StreakPause.planned.is_(True))
    return found.get(subject_id, set())


async def _days_of(uow: UnitOfWork, *which: ColumnElement[bool]) -> dict[UUID, set[date]]:
    pauses = await uow.session.execute(
        select(StreakPause.subject_id, StreakPause.starts_on, StreakPause.ends_on).where(*which)
    )
    days: dict[UUID, set[date]] = {}
    for subject_id, starts_on, ends_on in pauses:
        days.setdefault(subject_id, set()).update(
            starts_on + timedelta(days=n) for n in range((ends_on - starts_on).days + 1)
        )
    return days


async def active_days(uow: UnitOfWork, subject_id: UUID) -> list[date]:
    """Give the days on which a subject did something that keeps a streak."""
    return list(
        await uow.session.scalars(
            text(
                "SELECT DISTINCT local_day FROM activities"
                " WHERE subject_id = :subject_id AND keeps_streak ORDER BY 1"
            ),
            {"subject_id": subject_id},
        )
    )


async def record_frozen(uow: UnitOfWork, frozen: Sequence[tuple[UUID, date]]) -> None:
    """Write down the missed days that freezes were spent on."""
    await uow.session.execute(
        text(
            "INSERT INTO streak_freeze_uses (subject_id, local_day) SELECT * FROM"
            " unnest(CAST(:subject_ids AS uuid[]), CAST(:days AS date[])) ON CONFLICT DO NOTHING"
        ),
        {
            "subject_ids": [subject_id for subject_id, _ in frozen],
            "days": [day for _, day in frozen],
        },
    )


async def rank_systems(uow: UnitOfWork) -> dict[str, Mapping[str, int]]:
    """Give the thresholds of each domain that has ranks."""
    rows = await uow.session.execute(select(RankSystem.domain, RankSystem.thresholds))
    return {row.domain: row.thresholds for row in rows}


RAISE_RANKS = text("""
INSERT INTO domain_ranks AS r (subject_id, domain, rank, reached_at)
SELECT n.*, CAST(:now AS timestamptz) FROM unnest(
    CAST(:subject_ids AS uuid[]), CAST(:domains AS text[]), CAST(:ranks AS text[]))
    AS n(subject_id, domain, rank)
ON CONFLICT (subject_id, domain) DO UPDATE SET rank = excluded.rank, reached_at = :now
WHERE position(r.rank IN 'EDCBAS') < position(excluded.rank IN 'EDCBAS')
RETURNING subject_id, domain, rank
""")


async def raise_ranks(
    uow: UnitOfWork, ranks: Sequence[tuple[UUID, str, str]]
) -> Sequence[Row[Any]]:
    """Raise (subject, domain) to a rank where that is higher; give those that rose."""
    result = await uow.session.execute(
        RAISE_RANKS,
        {
            "subject_ids": [subject_id for subject_id, _, _ in ranks],
            "domains": [domain for _, domain, _ in ranks],
            "ranks": [rank for _, _, rank in ranks],
            "now": uow.now,
        },
    )
    return result.all()


@dataclass(frozen=True, slots=True)
class ActiveBadge:
    """A badge that can be earned, ready to be checked."""

    id: UUID
    slug: str
    name: str
    description: str
    version: int
    condition: Condition

    @classmethod
    def of(cls, badge: Badge) -> ActiveBadge:
        return cls(
            badge.id,
            badge.slug,
            badge.name,
            badge.description,
            badge.version,
            parse(badge.condition),
        )


async def active_badges(uow: UnitOfWork) -> list[ActiveBadge]:
    """Give the badges that are switched on, as of at most a second ago."""

    async def load() -> str:
        badges = await uow.session.scalars(select(Badge).where(Badge.active))
        return orjson.dumps(
            [(str(b.id), b.slug, b.name, b.description, b.version, b.condition) for b in badges]
        ).decode()

    return _badges_from(
        await uow.cache.get(BADGE_CATALOGUE, load, ttl_seconds=CATALOGUE_TTL_SECONDS)
    )


@lru_cache(maxsize=4)
def _badges_from(catalogue: str) -> list[ActiveBadge]:
    """Read the catalogue; the same text is read once."""
    return [
        ActiveBadge(UUID(id_), slug, name, description, version, parse(condition))
        for id_, slug, name, description, version, condition in orjson.loads(catalogue)
    ]


RECORDS = text("""
SELECT s AS subject_id,
       (SELECT json_agg(json_build_array(topic, outcome, domain, number))
        FROM (SELECT topic, outcome, domain, count(*) AS number FROM activities a
              WHERE a.subject_id = s GROUP BY 1, 2, 3) AS counted)::text AS counts,
       (SELECT json_object_agg(board, xp) FROM board_entries b
        WHERE b.subject_id = s AND period = 'all' AND board <> :everyone)::text AS domain_xp,
       ARRAY(SELECT badge_id FROM subject_badges g WHERE g.subject_id = s) AS badge_ids
FROM unnest(CAST(:subject_ids AS uuid[])) AS s
""")


async def records_of(
    uow: UnitOfWork, standings: Mapping[UUID, Standing]
) -> dict[UUID, tuple[Facts, Collection[UUID]]]:
    """Give what badge conditions look at, and the badges that each subject has."""
    rows = await uow.session.execute(
        RECORDS, {"subject_ids": list(standings), "everyone": BOARD_GLOBAL}
    )
    return {
        row.subject_id: (
            Facts(
                standings[row.subject_id].total_xp,
                standings[row.subject_id].streak.longest,
                orjson.loads(row.domain_xp or "{}"),
                totals(orjson.loads(row.counts or "[]")),
            ),
            row.badge_ids,
        )
        for row in rows
    }


GIVE_BADGES = text("""
INSERT INTO subject_badges (subject_id, badge_id, badge_version, awarded_at)
SELECT g.*, CAST(:now AS timestamptz) FROM unnest(
    CAST(:subject_ids AS uuid[]), CAST(:badge_ids AS uuid[]), CAST(:versions AS int[])) AS g
ON CONFLICT DO NOTHING
RETURNING subject_id, badge_id
""")


async def give_badges(
    uow: UnitOfWork, given: Sequence[tuple[UUID, ActiveBadge]]
) -> Sequence[Row[Any]]:
    """Give badges; give back those that were not had before."""
    result = await uow.session.execute(
        GIVE_BADGES,
        {
            "subject_ids": [subject_id for subject_id, _ in given],
            "badge_ids": [badge.id for _, badge in given],
            "versions": [badge.version for _, badge in given],
            "now": uow.now,
        },
    )
    return result.all()
