"""What progression holds of a member."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import literal, text, update

from guildhall.infra.personal import Personal
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.progression import service
from guildhall.progression.models import SubjectProgress

__all__ = ["PERSONAL"]


async def _forget_reasons(uow: UnitOfWork, subject_id: UUID) -> int:
    await uow.session.execute(text("SELECT forget_reasons(:id)"), {"id": subject_id})
    return 0


async def _leave_boards(uow: UnitOfWork, subject_id: UUID) -> int:
    """Take somebody off every board, and forget when they came; what they earned still counts."""
    plain = {
        "streak_days": 0,
        "streak_longest": 0,
        "streak_last_day": None,
        "streak_freezes": 0,
    }
    left = SubjectProgress.on_leaderboards | (SubjectProgress.streak_longest > 0)
    changed = await uow.session.execute(
        update(SubjectProgress)
        .where(SubjectProgress.subject_id == subject_id, left)
        .values(plain)
        .returning(literal(1))
    )
    if not changed.all():
        return 0
    await service.put_on_boards(uow, subject_id, False)
    return 1


PERSONAL = (
    Personal(
        "xp_ledger",
        ("subject_id",),
        erase=_forget_reasons,
        kept="The ledger is only added to: sums stay true. Reasons, in a person's words, go.",
    ),
    Personal(
        "subject_progress",
        ("subject_id",),
        erase=_leave_boards,
        kept="The total is the sum of the ledger. On no board, and without the days.",
    ),
    Personal(
        "board_entries",
        ("subject_id",),
        kept="Sums of the ledger by period. Whoever is off the boards is not shown by them.",
    ),
    Personal(
        "season_results",
        ("subject_id",),
        kept="The others' ranks in a closed season stay what they were. The line has no name.",
    ),
    Personal("activities", ("subject_id",)),
    Personal("domain_ranks", ("subject_id",)),
    Personal("subject_badges", ("subject_id",)),
    Personal("streak_pauses", ("subject_id",)),
    Personal("streak_freeze_uses", ("subject_id",)),
)
