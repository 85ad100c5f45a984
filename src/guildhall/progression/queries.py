"""What progression shows: reads, put into the shapes that travel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from redis.exceptions import RedisError
from sqlalchemy import select, text, tuple_

from guildhall.identity import local_days, usernames
from guildhall.infra.cache import Tier
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member
from guildhall.kernel.paging import CursorUnreadable, Page, cursor_of, page_of, position_in
from guildhall.progression import boards, rules
from guildhall.progression.boards import Line, Neighbourhood
from guildhall.progression.errors import (
    BoardNotFound,
    NotOnBoard,
    SeasonNotFound,
    SubjectNotFound,
)
from guildhall.progression.models import (
    Badge,
    Season,
    SeasonResult,
    StreakFreezeUse,
    StreakPause,
    SubjectProgress,
    XpEntry,
)
from guildhall.progression.schemas import (
    BadgeOut,
    BoardOut,
    BoardQuery,
    DayOut,
    FreezeOut,
    PauseOut,
    PlaceQuery,
    PublicProgressOut,
    SeasonOut,
    XpEntryOut,
)

__all__ = [
    "badges",
    "board",
    "board_list",
    "days",
    "entry_out",
    "freezes",
    "history",
    "my_progress",
    "pauses",
    "place",
    "progress_of",
    "seasons",
]

# Hot: PostgreSQL builds the JSON of one subject's whole standing in one statement.
STANDING = """
SELECT json_build_object(
    'total_xp', p.total_xp, 'level', p.level, 'on_leaderboards', p.on_leaderboards,
    'streak_days', p.streak_days, 'longest_streak_days', p.streak_longest,
    'streak_last_day', p.streak_last_day, 'streak_freezes', p.streak_freezes,
    'pauses', coalesce((SELECT json_agg(json_build_array(s.starts_on, s.ends_on))
        FROM streak_pauses s WHERE s.subject_id = p.subject_id
        AND s.ends_on > p.streak_last_day), '[]'),
    'badges', coalesce((SELECT json_agg(json_build_object('slug', b.slug, 'name', b.name,
            'awarded_at', sb.awarded_at) ORDER BY sb.awarded_at, b.slug)
        FROM subject_badges sb JOIN badges b ON b.id = sb.badge_id
        WHERE sb.subject_id = p.subject_id), '[]'),
    'ranks', coalesce((SELECT json_agg(json_build_object('domain', e.board,
            'rank', coalesce(r.rank, 'E'), 'xp', e.xp, 'thresholds', s.thresholds) ORDER BY e.board)
        FROM board_entries e
        LEFT JOIN rank_systems s ON s.domain = e.board
        LEFT JOIN domain_ranks r ON r.subject_id = e.subject_id AND r.domain = e.board
        WHERE e.subject_id = p.subject_id AND e.period = 'all' AND e.board <> 'global'),
        '[]'))::text
FROM subject_progress p WHERE p.subject_id = $1
"""

ARCHIVE_TTL_SECONDS = 86_400
SOMEBODY_WHO_LEFT = "somebody who left"

NEWCOMER: dict[str, Any] = {
    "total_xp": 0,
    "level": 1,
    "on_leaderboards": True,
    "streak_days": 0,
    "longest_streak_days": 0,
    "streak_last_day": None,
    "streak_freezes": 0,
    "pauses": [],
    "badges": [],
    "ranks": [],
}


async def my_progress(hall: Hall, who: Member) -> dict[str, Any]:
    """Give one's own progress as of today, in the shape of ProgressOut."""
    stored = await hall.database.reads.fetchval(STANDING, who.id)
    return as_of(stored, who.local_day(hall.clock.now()))


def as_of(stored: str | None, today: date) -> dict[str, Any]:
    """Turn a stored standing into one as of a day: a streak ends by the passing of time."""
    standing = orjson.loads(stored) if stored else dict(NEWCOMER)
    last_day = standing.pop("streak_last_day")
    paused = {
        date.fromisoformat(starts_on) + timedelta(days=n)
        for starts_on, ends_on in standing.pop("pauses")
        for n in range((date.fromisoformat(ends_on) - date.fromisoformat(starts_on)).days + 1)
    }
    streak = rules.Streak(
        days=standing["streak_days"],
        last_day=date.fromisoformat(last_day) if last_day else None,
        freezes=standing["streak_freezes"],
    )
    standing["streak_days"] = rules.current_streak(streak, today, paused)
    standing["ranks"] = [_with_next(**rank) for rank in standing["ranks"]]
    standing["level_xp"] = rules.level_xp(standing["level"])
    standing["next_level_xp"] = rules.next_level_xp(standing["level"])
    return standing


def _with_next(thresholds: dict[str, int] | None, **rank: Any) -> dict[str, Any]:
    known = thresholds or {}
    after = rules.rank_after(rank["rank"], known)
    return {
        **rank,
        "rank_xp": known.get(rank["rank"], 0),
        "next_rank": after,
        "next_rank_xp": known[after] if after is not None else None,
    }


async def progress_of(uow: UnitOfWork, who: Member, user_id: UUID) -> PublicProgressOut:
    """Give what others may see of a member; one who is off the boards is not there for others."""
    name = (await usernames(uow, [user_id])).get(user_id)
    stored = await uow.session.scalar(
        text(STANDING.replace("$1", ":subject_id")), {"subject_id": user_id}
    )
    today = (await local_days(uow, [user_id])).get(user_id, uow.now.date())
    standing = as_of(stored, today)
    if name is None or not (standing["on_leaderboards"] or user_id == who.id):
        raise SubjectNotFound
    return PublicProgressOut(user_id=user_id, username=name, **standing)


async def history(
    uow: UnitOfWork,
    subject_id: UUID,
    limit: int,
    cursor: str | None,
    cause_type: str | None = None,
    cause_id: UUID | None = None,
) -> Page[XpEntryOut]:
    """Give a page of a subject's ledger, newest first; of one cause, if that is asked for.

    Type and id together are found by the index that lets a cause award once.
    """
    query = (
        select(XpEntry)
        .where(XpEntry.subject_id == subject_id)
        .order_by(XpEntry.id.desc())
        .limit(limit)
    )
    if cursor:
        query = query.where(XpEntry.id < position_in(cursor, UUID)[0])
    if cause_type is not None:
        query = query.where(XpEntry.cause_type == cause_type)
    if cause_id is not None:
        query = query.where(XpEntry.cause_id == cause_id)
    return page_of((await uow.session.scalars(query)).all(), limit, entry_out)


async def pauses(
    uow: UnitOfWork, subject_id: UUID, limit: int, cursor: str | None
) -> Page[PauseOut]:
    """Give a page of a subject's pauses, newest first."""
    order = tuple_(StreakPause.starts_on, StreakPause.id)
    query = (
        select(StreakPause)
        .where(StreakPause.subject_id == subject_id)
        .order_by(StreakPause.starts_on.desc(), StreakPause.id.desc())
        .limit(limit)
    )
    if cursor:
        query = query.where(order < tuple_(*position_in(cursor, date, UUID)))
    return page_of(
        (await uow.session.scalars(query)).all(),
        limit,
        PauseOut.model_validate,
        lambda pause: (pause.starts_on, pause.id),
    )


async def seasons(uow: UnitOfWork, limit: int, cursor: str | None) -> Page[SeasonOut]:
    """Give a page of the closed seasons, newest first."""
    query = (
        select(Season).where(Season.closed_at.is_not(None)).order_by(Season.id.desc()).limit(limit)
    )
    if cursor:
        query = query.where(Season.id < position_in(cursor, str)[0])
    return page_of((await uow.session.scalars(query)).all(), limit, SeasonOut.model_validate)


async def badges(
    uow: UnitOfWork, limit: int, cursor: str | None, *, active_only: bool = False
) -> Page[BadgeOut]:
    """Give a page of the badges, by slug."""
    query = select(Badge).order_by(Badge.slug).limit(limit)
    if active_only:
        query = query.where(Badge.active)
    if cursor:
        query = query.where(Badge.slug > position_in(cursor, str)[0])
    return page_of(
        (await uow.session.scalars(query)).all(),
        limit,
        BadgeOut.model_validate,
        lambda badge: (badge.slug,),
    )


def entry_out(entry: XpEntry) -> XpEntryOut:
    """Shape a ledger line, with its rule in words."""
    return XpEntryOut(
        id=entry.id,
        occurred_at=entry.occurred_at,
        local_day=entry.local_day,
        xp=entry.xp,
        cause_type=entry.cause_type,
        cause_id=entry.cause_id,
        rule=entry.rule_id,
        rule_version=entry.rule_version,
        why=rules.RULE_TEXTS[entry.rule_id, entry.rule_version],
        domain=entry.domain,
        reason=entry.reason,
        reverses_id=entry.reverses_id,
    )


async def days(
    uow: UnitOfWork, who: Member, since: date | None, until: date | None
) -> list[DayOut]:
    """Give XP by local day and source, oldest first; at most 366 days."""
    since, until = _reach(uow, who, since, until)
    rows = await uow.session.execute(
        text(
            "SELECT local_day, cause_type, sum(xp) AS xp FROM xp_ledger"
            " WHERE subject_id = :id AND local_day BETWEEN :since AND :until"
            " GROUP BY 1, 2 ORDER BY 1"
        ),
        {"id": who.id, "since": since, "until": until},
    )
    by_day: dict[date, dict[str, int]] = {}
    for row in rows:
        by_day.setdefault(row.local_day, {})[row.cause_type] = row.xp
    return [
        DayOut(day=day, xp=sum(sources.values()), by_source=sources)
        for day, sources in by_day.items()
    ]


async def freezes(
    uow: UnitOfWork, who: Member, since: date | None, until: date | None
) -> list[FreezeOut]:
    """Give the missed days that freezes were spent on, oldest first, as `days` gives days."""
    since, until = _reach(uow, who, since, until)
    found = await uow.session.scalars(
        select(StreakFreezeUse.local_day)
        .where(
            StreakFreezeUse.subject_id == who.id,
            StreakFreezeUse.local_day.between(since, until),
        )
        .order_by(StreakFreezeUse.local_day)
    )
    return [FreezeOut(day=day) for day in found]


def _reach(
    uow: UnitOfWork, who: Member, since: date | None, until: date | None
) -> tuple[date, date]:
    until = until or who.local_day(uow.now)
    reach = timedelta(days=30 if since is None else 366)
    return max(since or date.min, until - min(reach, until - date.min)), until


async def board_list(uow: UnitOfWork) -> list[BoardOut]:
    """Give every board, the hall's own first."""
    windows = list(rules.WINDOWS)
    return [
        BoardOut(board=rules.BOARD_GLOBAL, name="Everyone", windows=windows),
        *(
            BoardOut(board=slug, name=name, windows=windows)
            for slug, name in (await boards.domains(uow)).items()
        ),
    ]


async def board(hall: Hall, who: Member, name: str, query: BoardQuery) -> dict[str, Any]:
    """Give a page of a board, the lines around oneself, or a page of a closed season.

    In the shape of BoardPage.
    """
    await _refuse_unknown(hall, name)
    if query.season is not None:
        period, lines, cursor = query.season, *await _archived(hall, name, query)
    else:
        period = rules.periods_at(hall.clock.now())[query.window]
        if query.around is not None:
            found = await _neighbours(hall, name, period, who.id, query.limit // 2)
            lines, cursor = found.lines, None
        else:
            lines = await _top(hall, name, period, query.limit, query.cursor)
            cursor = _cursor_after(lines[-1]) if len(lines) == query.limit else None
    return {
        "board": name,
        "window": query.window if query.season is None else "season",
        "period": period,
        "items": await _with_names(hall, lines),
        "next_cursor": cursor,
    }


async def place(hall: Hall, who: Member, name: str, query: PlaceQuery) -> dict[str, Any]:
    """Give one's own place on a board and the lines around it, in the shape of BoardPlaceOut."""
    await _refuse_unknown(hall, name)
    period = rules.periods_at(hall.clock.now())[query.window]
    found = await _neighbours(hall, name, period, who.id, query.around)
    if found.mine is None:
        raise NotOnBoard
    return {
        "rank": found.mine.rank,
        "xp": found.mine.xp,
        "members": found.members,
        "around": await _with_names(hall, found.lines),
    }


async def _top(
    hall: Hall, name: str, period: str, limit: int, cursor: str | None
) -> Sequence[Line]:
    after = None
    if cursor is not None:
        xp, member = position_in(cursor, int, bytes.fromhex)
        if len(member) != boards.MEMBER_BYTES or xp >= 1 << 53:
            raise CursorUnreadable
        after = (xp, member)
    try:
        lines = await boards.top(hall.redis, name, period, limit, after)
    except RedisError:
        lines = None
    if lines is None:
        async with hall.units.read() as uow:
            lines = await boards.top_from_database(uow, name, period, limit, after)
    return lines


async def _neighbours(
    hall: Hall, name: str, period: str, subject_id: UUID, around: int
) -> Neighbourhood:
    try:
        found = await boards.neighbours(hall.redis, name, period, subject_id, around)
    except RedisError:
        found = None
    if found is None:
        async with hall.units.read() as uow:
            found = await boards.neighbours_from_database(uow, name, period, subject_id, around)
    return found


async def _archived(hall: Hall, name: str, query: BoardQuery) -> tuple[Sequence[Line], str | None]:
    """Read a page of a closed season's final table, which never changes: a file remembers it."""
    after = position_in(query.cursor, int)[0] if query.cursor else 0

    async def load() -> list[tuple[int, str, int, str]]:
        async with hall.units.read() as uow:
            closed = await uow.session.get(Season, query.season)
            if closed is None or closed.closed_at is None:
                raise SeasonNotFound
            rows = await uow.session.execute(
                select(
                    SeasonResult.rank,
                    SeasonResult.subject_id,
                    SeasonResult.xp,
                    SeasonResult.reached_at,
                )
                .where(
                    SeasonResult.season == query.season,
                    SeasonResult.board == name,
                    SeasonResult.rank > after,
                )
                .order_by(SeasonResult.rank)
                .limit(query.limit)
            )
            return [(row.rank, str(row.subject_id), row.xp, str(row.reached_at)) for row in rows]

    page = await hall.cache.get(
        f"season:{query.season}:{name}:{after}:{query.limit}",
        load,
        ttl_seconds=ARCHIVE_TTL_SECONDS,
        tiers=Tier.FILE,
    )
    async with hall.units.read() as uow:
        hidden = set(
            await uow.session.scalars(
                select(SubjectProgress.subject_id).where(
                    SubjectProgress.subject_id.in_([UUID(line[1]) for line in page]),
                    SubjectProgress.on_leaderboards.is_(False),
                )
            )
        )
        # Whoever left has no name any more, and their line keeps the ranks of the others.
        hidden &= (await usernames(uow, hidden)).keys()
    lines = [
        Line(rank, UUID(id_), xp, datetime.fromisoformat(reached_at))
        for rank, id_, xp, reached_at in page
        if UUID(id_) not in hidden
    ]
    return lines, cursor_of(page[-1][0]) if len(page) == query.limit else None


async def _with_names(hall: Hall, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Give lines in the shape of BoardLineOut."""
    ids = [str(line.subject_id) for line in lines]
    names = await boards.names_of(hall.cache, hall.units, ids)
    return [
        {
            "rank": line.rank,
            "user_id": id_,
            "username": names.get(id_, SOMEBODY_WHO_LEFT),
            "xp": line.xp,
            "reached_at": line.reached_at,
        }
        for id_, line in zip(ids, lines, strict=True)
    ]


async def _refuse_unknown(hall: Hall, name: str) -> None:
    if name == rules.BOARD_GLOBAL:
        return
    async with hall.units.read() as uow:
        if name not in await boards.domains(uow):
            raise BoardNotFound


def _cursor_after(line: Line) -> str:
    return cursor_of(line.xp, boards.member_of(line.reached_at, line.subject_id).hex())
