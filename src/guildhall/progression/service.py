"""Use cases of progression: award, correct, and what follows from both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select

from guildhall.identity import local_days, record, usernames
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_views
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member
from guildhall.progression import badges, boards, repository, rules
from guildhall.progression.boards import Entry
from guildhall.progression.errors import (
    CorrectionTooLarge,
    EntryNotFound,
    EntryReversed,
    PauseNotFound,
    PauseTooLong,
    SubjectNotFound,
)
from guildhall.progression.events import (
    Achievement,
    BoardsMoved,
    Happening,
    LevelReached,
    RankReached,
)
from guildhall.progression.models import Domain, StreakFreezeUse, StreakPause, XpEntry
from guildhall.progression.news import News
from guildhall.progression.repository import Gain, Standing
from guildhall.progression.schemas import Correction, PauseIn

__all__ = [
    "add_pause",
    "award",
    "correct",
    "excuse",
    "gain",
    "note",
    "put_on_boards",
    "remove_pause",
    "show_on_boards",
]

LONGEST_PAUSE = timedelta(days=366)


async def award(uow: UnitOfWork, achievements: Sequence[Achievement]) -> None:
    """Turn achievements into XP and all that follows from it, a whole batch at once.

    Idempotent: an event known already is passed over, and a cause is awarded once. In one
    transaction: ledger, totals, levels, streaks, board entries, ranks, badges, and their events;
    Redis after it.
    """
    achievements = list({each.event_id: each for each in achievements}.values())
    standings = await repository.lock_standings(uow, _subjects(achievements))
    news = News(standings)
    awarded = await repository.award(uow, achievements)
    new = [achievement for achievement in achievements if achievement.event_id in awarded]
    if not new:
        return
    await _advance_streaks(uow, standings, new)
    days = {each.subject_id: each.local_day for each in new if each.subject_id is not None}
    standings = {subject_id: standings[subject_id] for subject_id in days}
    gains: list[Gain] = []
    for each in new:
        if each.subject_id is not None and awarded[each.event_id]:
            gains.append(Gain(each.subject_id, each.domain, each.xp, each.occurred_at))
            news.earned(each.subject_id, each.xp, each.cause_type, each.cause_id, each.domain)
    await gain(uow, standings, gains, days, news)
    await badges.check(uow, standings, days, news)
    drop_views(uow, days)
    news.tell(uow)


async def note(uow: UnitOfWork, happenings: Sequence[Happening]) -> None:
    """Count happenings that earn no XP, and give the badges that they complete. Idempotent."""
    standings = await repository.lock_standings(uow, _subjects(happenings))
    known = await repository.note(uow, happenings)
    days = {
        each.subject_id: each.local_day
        for each in happenings
        if each.event_id in known and each.subject_id is not None
    }
    news = News(standings)
    await badges.check(uow, {id_: standings[id_] for id_ in days}, days, news)
    drop_views(uow, days)
    news.tell(uow)


async def correct(uow: UnitOfWork, admin: Member, body: Correction) -> XpEntry:
    """Set a member's XP right with an entry of its own, or reverse one that was wrong. Audited."""
    if body.user_id not in await usernames(uow, [body.user_id]):
        raise SubjectNotFound
    standings = await repository.lock_standings(uow, [body.user_id])
    standing = standings[body.user_id]
    xp, domain, occurred_at = body.xp or 0, body.domain, uow.now
    day = (await local_days(uow, [body.user_id]))[body.user_id]
    if body.reverses_id is not None:
        wrong = await uow.session.get(XpEntry, (body.user_id, body.reverses_id))
        if wrong is None:
            raise EntryNotFound
        if await uow.session.scalar(
            select(XpEntry.id).where(
                XpEntry.subject_id == body.user_id, XpEntry.reverses_id == body.reverses_id
            )
        ):
            raise EntryReversed
        # It takes back what its original gave: on the day and in the periods where that counts.
        xp, domain, occurred_at, day = -wrong.xp, wrong.domain, wrong.occurred_at, wrong.local_day
    elif domain is not None and await uow.session.get(Domain, domain) is None:
        raise SubjectNotFound("There is no such domain.")
    if standing.total_xp + xp < 0:
        raise CorrectionTooLarge
    entry = XpEntry(
        subject_id=body.user_id,
        id=new_id(),
        xp=xp,
        cause_type="correction",
        cause_id=new_id(),
        rule_id="correction",
        rule_version=1,
        domain=domain,
        reason=body.reason,
        reverses_id=body.reverses_id,
        occurred_at=occurred_at,
        local_day=day,
    )
    uow.session.add(entry)
    record(
        uow,
        "xp_corrected",
        actor_id=admin.id,
        target_id=body.user_id,
        xp=xp,
        reason=body.reason,
        entry_id=str(entry.id),
    )
    days, news = {body.user_id: entry.local_day}, News(standings)
    news.earned(body.user_id, xp, entry.cause_type, entry.id, domain)
    await gain(uow, standings, [Gain(body.user_id, domain, xp, occurred_at)], days, news)
    await badges.check(uow, standings, days, news)
    drop_views(uow, days)
    news.tell(uow)
    return entry


async def add_pause(uow: UnitOfWork, member: Member, body: PauseIn) -> StreakPause:
    """Pause the streak for some days, past ones included, and work it out again."""
    today = member.local_day(uow.now)
    if body.ends_on - body.starts_on >= LONGEST_PAUSE or any(
        abs(day - today) > LONGEST_PAUSE for day in (body.starts_on, body.ends_on)
    ):
        raise PauseTooLong
    pause = StreakPause(
        subject_id=member.id,
        id=new_id(),
        starts_on=body.starts_on,
        ends_on=body.ends_on,
        reason=body.reason,
    )
    await _repair_streak(uow, member.id, added=pause)
    return pause


async def remove_pause(uow: UnitOfWork, member: Member, pause_id: UUID) -> None:
    """Take a pause back and work the streak out again."""
    pause = await uow.session.get(StreakPause, (member.id, pause_id))
    if pause is None:
        raise PauseNotFound
    await uow.session.delete(pause)
    await _repair_streak(uow, member.id)


async def excuse(
    uow: UnitOfWork, pause_id: UUID, subject_id: UUID, since: date, until: date
) -> None:
    """Excuse the days on which a member's wall clock was moved; nobody lived them in full.

    Idempotent by `pause_id`.
    """
    if await uow.session.get(StreakPause, (subject_id, pause_id)) is not None:
        return
    pause = StreakPause(
        subject_id=subject_id,
        id=pause_id,
        starts_on=min(since, until),
        ends_on=max(since, until),
        reason="The time zone or the start of the day was changed.",
        planned=False,
    )
    await _repair_streak(uow, subject_id, added=pause)


async def show_on_boards(uow: UnitOfWork, member: Member, shown: bool) -> None:
    """Let a member onto the leaderboards, or off every one of them."""
    await put_on_boards(uow, member.id, shown)


async def put_on_boards(uow: UnitOfWork, subject_id: UUID, shown: bool) -> None:
    """Put a subject onto the leaderboards, or take it off every one of them."""
    standings = await repository.lock_standings(uow, [subject_id])
    if standings[subject_id].on_leaderboards != shown:
        _publish(uow, await boards.show(uow, subject_id, shown))


async def gain(
    uow: UnitOfWork,
    standings: Mapping[UUID, Standing],
    gains: Sequence[Gain],
    days: Mapping[UUID, date],
    news: News,
) -> None:
    """Carry XP from the ledger to totals, levels, boards and ranks. Emits what was reached."""
    for each in gains:
        standings[each.subject_id].total_xp += each.xp
    for standing in standings.values():
        before, standing.level = standing.level, rules.level_for(standing.total_xp)
        if standing.level > before:
            uow.emit(
                LevelReached(
                    subject_id=standing.subject_id,
                    occurred_at=uow.now,
                    local_day=days[standing.subject_id],
                    level=standing.level,
                )
            )
            news.level(standing.subject_id, standing.level)
    entries = await repository.save(uow, standings.values(), gains)
    if not gains:
        return
    await _raise_ranks(uow, gains, entries, days, news)
    _publish(
        uow,
        [boards.entry_of(row, standings[row.subject_id].on_leaderboards) for row in entries],
    )


async def _raise_ranks(
    uow: UnitOfWork,
    gains: Sequence[Gain],
    entries: Sequence[Row[Any]],
    days: Mapping[UUID, date],
    news: News,
) -> None:
    """Raise the ranks of those whose domain XP has just crossed a threshold."""
    systems = await boards.rank_systems(uow)
    gained: dict[tuple[UUID, str], int] = defaultdict(int)
    for each in gains:
        if each.domain is not None:
            gained[each.subject_id, each.domain] += each.xp
    crossed: list[tuple[UUID, str, str]] = []
    for entry in entries:
        if entry.period != "all" or entry.board not in systems:
            continue
        thresholds = systems[entry.board]
        rank = rules.rank_for(entry.xp, thresholds)
        if rank != rules.rank_for(entry.xp - gained[entry.subject_id, entry.board], thresholds):
            crossed.append((entry.subject_id, entry.board, rank))
    if not crossed:
        return
    for row in await repository.raise_ranks(uow, crossed):
        uow.emit(
            RankReached(
                subject_id=row.subject_id,
                occurred_at=uow.now,
                local_day=days[row.subject_id],
                domain=row.domain,
                rank=row.rank,
            )
        )
        news.rank(row.subject_id, row.domain, row.rank)


async def _advance_streaks(
    uow: UnitOfWork, standings: Mapping[UUID, Standing], achievements: Sequence[Achievement]
) -> None:
    """Count the achievements' days into the streaks."""
    days: dict[UUID, set[date]] = defaultdict(set)
    for achievement in achievements:
        if achievement.subject_id is not None:
            days[achievement.subject_id].add(achievement.local_day)
    moving = {
        subject_id: active
        for subject_id, active in days.items()
        if any(day != standings[subject_id].streak.last_day for day in active)
    }
    if not moving:
        return
    paused = await repository.paused_days(uow, moving)
    frozen: list[tuple[UUID, date]] = []
    for subject_id, active in moving.items():
        standing, theirs = standings[subject_id], paused.get(subject_id, set())
        last_day = standing.streak.last_day
        if last_day is not None and min(active) < last_day:
            # Told late, of a day long past: the run may have been longer than was known.
            standing.streak = await _streak_from_history(uow, subject_id, theirs)
            continue
        for day in sorted(active):
            standing.streak = rules.streak_with(standing.streak, day, theirs)
            frozen.extend((subject_id, missed) for missed in standing.streak.frozen)
    if frozen:
        await repository.record_frozen(uow, frozen)


async def _repair_streak(
    uow: UnitOfWork, subject_id: UUID, added: StreakPause | None = None
) -> None:
    """Work a streak out from its history, after its pauses have changed."""
    standings = await repository.lock_standings(uow, [subject_id])
    if added is not None:
        uow.session.add(added)
    await uow.session.flush()
    paused = await repository.paused_days(uow, [subject_id])
    standing = standings[subject_id]
    standing.streak = await _streak_from_history(uow, subject_id, paused.get(subject_id, set()))
    await repository.save(uow, [standing])
    drop_views(uow, [subject_id])


async def _streak_from_history(
    uow: UnitOfWork, subject_id: UUID, paused: Collection[date]
) -> rules.Streak:
    streak, frozen = rules.streak_of(await repository.active_days(uow, subject_id), paused)
    await uow.session.execute(
        delete(StreakFreezeUse).where(StreakFreezeUse.subject_id == subject_id)
    )
    if frozen:
        await repository.record_frozen(uow, [(subject_id, day) for day in sorted(frozen)])
    return streak


def _publish(uow: UnitOfWork, entries: Sequence[Entry]) -> None:
    """Show board entries: right after the commit, or, if that goes wrong, soon after."""
    uow.after_commit(
        lambda: boards.publish(uow.redis, entries),
        otherwise=BoardsMoved(
            subject_id=None,
            occurred_at=uow.now,
            subject_ids=tuple(sorted({entry.subject_id for entry in entries})),
        ),
    )


def _subjects(happenings: Sequence[Happening]) -> set[UUID]:
    return {each.subject_id for each in happenings if each.subject_id is not None}
