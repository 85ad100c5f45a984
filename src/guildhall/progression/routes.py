"""HTTP of progression."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from guildhall.infra.http import CurrentMember, Reads, Writes, access_routers, hall_of
from guildhall.infra.http.hot import HotRoute, SharedAnswers, json_answer
from guildhall.kernel.paging import Limit, Page
from guildhall.progression import badges, conditions, fields, outlook, queries, rescoring, service
from guildhall.progression.schemas import (
    BadgeChange,
    BadgeEarnedOut,
    BadgeIn,
    BadgeOut,
    BadgeTrial,
    BoardOut,
    BoardPage,
    BoardPlaceOut,
    BoardQuery,
    Correction,
    Day,
    DayOut,
    DomainOut,
    DomainRanksOut,
    FreezeOut,
    Line,
    NextBadgeOut,
    PauseIn,
    PauseOut,
    PlaceQuery,
    ProgressOut,
    ProgressSettings,
    PublicProgressOut,
    RescoringIn,
    SeasonOut,
    Started,
    XpEntryOut,
)

__all__ = ["routers"]

routers = access_routers("progression")
public, member, admin = routers


@HotRoute.on(member, "/progress/me", ProgressOut)
async def my_progress(request: Request) -> Response:
    """Read one's XP, level, streak, ranks and badges."""
    return json_answer(await queries.my_progress(hall_of(request), request.state.member))


@member.patch("/progress/me")
async def change_my_progress(
    body: ProgressSettings, who: CurrentMember, uow: Writes
) -> ProgressSettings:
    """Go onto the leaderboards, or off every one of them."""
    await service.show_on_boards(uow, who, body.on_leaderboards)
    return body


@member.get("/progress/me/history")
async def history(
    who: CurrentMember,
    uow: Reads,
    limit: Limit = 20,
    cursor: str | None = None,
    cause_type: Line | None = None,
    cause_id: UUID | None = None,
) -> Page[XpEntryOut]:
    """Read one's ledger, newest first, or what one cause has given; each line says why."""
    return await queries.history(uow, who.id, limit, cursor, cause_type, cause_id)


@member.get("/progress/me/history/days")
async def days(
    who: CurrentMember,
    uow: Reads,
    since: Day | None = None,
    until: Day | None = None,
) -> Page[DayOut]:
    """Read XP by local day and by source, for plots; the last 30 days unless said otherwise."""
    return Page(items=await queries.days(uow, who, since, until))


@member.get("/progress/me/freezes")
async def freezes(
    who: CurrentMember,
    uow: Reads,
    since: Day | None = None,
    until: Day | None = None,
) -> Page[FreezeOut]:
    """List the missed days that one's streak survived; of the last 30 unless said otherwise."""
    return Page(items=await queries.freezes(uow, who, since, until))


@member.get("/progress/me/pauses")
async def pauses(
    who: CurrentMember, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[PauseOut]:
    """List one's pauses, newest first."""
    return await queries.pauses(uow, who.id, limit, cursor)


@member.post("/progress/me/pauses", status_code=201)
async def add_pause(body: PauseIn, who: CurrentMember, uow: Writes) -> PauseOut:
    """Pause one's streak; days that are past can be paused too."""
    return PauseOut.model_validate(await service.add_pause(uow, who, body))


@member.delete("/progress/me/pauses/{pause_id}", status_code=204)
async def remove_pause(pause_id: UUID, who: CurrentMember, uow: Writes) -> None:
    """Take a pause back."""
    await service.remove_pause(uow, who, pause_id)


@member.get("/users/{user_id}/progress")
async def progress_of(user_id: UUID, who: CurrentMember, uow: Reads) -> PublicProgressOut:
    """Read another member's progress, unless they chose not to be seen."""
    return await queries.progress_of(uow, who, user_id)


@member.get("/users/{user_id}/badges")
async def badges_of(user_id: UUID, who: CurrentMember, uow: Reads) -> Page[BadgeEarnedOut]:
    """Read another member's badges, unless they chose not to be seen."""
    return Page(items=(await queries.progress_of(uow, who, user_id)).badges)


@member.get("/leaderboards")
async def list_boards(uow: Reads) -> Page[BoardOut]:
    """List the leaderboards: one for the hall and one for each domain."""
    return Page(items=await queries.board_list(uow))


@member.get("/domains")
async def list_domains(
    uow: Reads, limit: Limit = 100, cursor: str | None = None
) -> Page[DomainOut]:
    """List the fields of learning."""
    return await fields.domain_page(uow, limit, cursor)


@member.get("/domains/{domain}/ranks")
async def domain_ranks(domain: str, who: CurrentMember, uow: Reads) -> DomainRanksOut:
    """Read the ranks of a domain, and where one stands among them."""
    return await fields.ranks_of(uow, who.id, domain)


@HotRoute.on(member, "/leaderboards/{board}", BoardPage)
async def board(request: Request, board: str, query: Annotated[BoardQuery, Query()]) -> Response:
    """Read a leaderboard: XP descending, then who got there first."""
    hall, who = hall_of(request), request.state.member
    if query.around is not None:
        return json_answer(await queries.board(hall, who, board, query))
    shared: SharedAnswers = request.app.state.shared
    key = (board, hall.clock.now().date(), query.window, query.limit, query.cursor, query.season)
    return json_answer(await shared.get(key, lambda: queries.board(hall, who, board, query)))


@HotRoute.on(member, "/leaderboards/{board}/me", BoardPlaceOut)
async def my_place(request: Request, board: str, query: Annotated[PlaceQuery, Query()]) -> Response:
    """Read one's own place, and who stands around."""
    return json_answer(await queries.place(hall_of(request), request.state.member, board, query))


@member.get("/seasons")
async def seasons(uow: Reads, limit: Limit = 20, cursor: str | None = None) -> Page[SeasonOut]:
    """List closed seasons, newest first."""
    return await queries.seasons(uow, limit, cursor)


@member.get("/badges")
async def list_badges(uow: Reads, limit: Limit = 100, cursor: str | None = None) -> Page[BadgeOut]:
    """List the badges that can be earned."""
    return await queries.badges(uow, limit, cursor, active_only=True)


@member.get("/badges/next")
async def next_badges(who: CurrentMember, uow: Reads, limit: Limit = 3) -> Page[NextBadgeOut]:
    """List the badges that one is nearest to, with how far one has come."""
    return Page(items=await outlook.next_badges(uow, who, limit))


@admin.get("/admin/badges")
async def all_badges(uow: Reads, limit: Limit = 100, cursor: str | None = None) -> Page[BadgeOut]:
    """List all badges, those switched off too."""
    return await queries.badges(uow, limit, cursor)


@admin.post("/admin/badges", status_code=201)
async def create_badge(
    body: BadgeIn, who: CurrentMember, uow: Writes, request: Request
) -> BadgeOut:
    """Save a badge. A condition that cannot be read is refused with the path of each fault."""
    topics = hall_of(request).wiring.topics
    return BadgeOut.model_validate(await badges.create(uow, who, body, topics))


@admin.patch("/admin/badges/{badge_id}")
async def change_badge(
    badge_id: UUID, body: BadgeChange, who: CurrentMember, uow: Writes, request: Request
) -> BadgeOut:
    """Change a badge, or switch it on or off. Who has it keeps it."""
    topics = hall_of(request).wiring.topics
    return BadgeOut.model_validate(await badges.change(uow, who, badge_id, body, topics))


@admin.post("/admin/badges/trial", status_code=202)
async def try_badge(body: BadgeTrial, who: CurrentMember, uow: Writes, request: Request) -> Started:
    """Try a condition on history, in the background: the task's result says who would get it."""
    conditions.parse(body.condition, hall_of(request).wiring.topics)
    return Started(task_execution_id=await badges.try_later(uow, who, body.condition))


@admin.post("/admin/badges/{badge_id}/award", status_code=202)
async def award_badge(badge_id: UUID, who: CurrentMember, uow: Writes) -> Started:
    """Give a badge, in the background, to everyone who meets its condition already."""
    return Started(task_execution_id=await badges.award_later(uow, who, badge_id))


@admin.get("/admin/users/{user_id}/xp")
async def history_of(
    user_id: UUID, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[XpEntryOut]:
    """Read a member's ledger, newest first; each line says why."""
    return await queries.history(uow, user_id, limit, cursor)


@admin.post("/admin/xp", status_code=201)
async def correct_xp(body: Correction, who: CurrentMember, uow: Writes) -> XpEntryOut:
    """Set a member's XP right: add an amount, or reverse an entry. The ledger keeps both."""
    return queries.entry_out(await service.correct(uow, who, body))


@admin.post("/admin/xp/rescorings", status_code=202)
async def preview_rescoring(body: RescoringIn, who: CurrentMember, uow: Writes) -> Started:
    """Preview a re-scoring, in the background: the task's result says what it would change."""
    return Started(task_execution_id=await rescoring.preview_later(uow, who, body))


@admin.post("/admin/xp/rescorings/{execution_id}/apply", status_code=202)
async def apply_rescoring(execution_id: UUID, who: CurrentMember, uow: Writes) -> Started:
    """Apply a re-scoring that was previewed, once. The ledger keeps what was and what is added."""
    return Started(task_execution_id=await rescoring.apply_later(uow, who, execution_id))
