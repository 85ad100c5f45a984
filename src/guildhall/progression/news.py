"""What members hear at once of their progress, on the streams that they have open.

Gathered in a unit of work, and told once that is committed: all of a batch as one message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from guildhall.infra.streams import tell_members
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.progression import rules
from guildhall.progression.repository import ActiveBadge, Standing

__all__ = ["News"]

MOST_CAUSES = 5


class News:
    """What happened to some subjects, whose standings are locked; made before they change.

    Each hears, in this order and only of what there is: `xp`, `level`, `rank`, `badge`, `streak`.
    """

    def __init__(self, standings: Mapping[UUID, Standing]) -> None:
        self._standings = standings
        self._streak_days = {id_: each.streak.last_day for id_, each in standings.items()}
        self._causes: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
        self._reached: list[tuple[UUID, str, dict[str, Any]]] = []

    def earned(
        self, subject_id: UUID, xp: int, cause_type: str, cause_id: UUID, domain: str | None
    ) -> None:
        """Note XP, and what for; less than none if it was taken back."""
        self._causes[subject_id].append(
            {"xp": xp, "cause_type": cause_type, "cause_id": cause_id, "domain": domain}
        )

    def level(self, subject_id: UUID, level: int) -> None:
        """Note a level that was reached."""
        self._reached.append((subject_id, "level", {"level": level}))

    def rank(self, subject_id: UUID, domain: str, rank: str) -> None:
        """Note a rank that was reached."""
        self._reached.append((subject_id, "rank", {"domain": domain, "rank": rank}))

    def badge(self, subject_id: UUID, badge: ActiveBadge) -> None:
        """Note a badge that was earned."""
        self._reached.append((subject_id, "badge", {"slug": badge.slug, "name": badge.name}))

    def tell(self, uow: UnitOfWork) -> None:
        """Have all of it told after the commit, and after what was asked for before."""
        news = [*self._xp(), *self._reached, *self._streaks()]
        if news:
            uow.after_commit(lambda: tell_members(uow.redis, news))

    def _xp(self) -> list[tuple[UUID, str, dict[str, Any]]]:
        return [
            (
                subject_id,
                "xp",
                {
                    "xp": sum(cause["xp"] for cause in causes),
                    "total_xp": standing.total_xp,
                    "level": standing.level,
                    "level_xp": rules.level_xp(standing.level),
                    "next_level_xp": rules.next_level_xp(standing.level),
                    "causes": causes[:MOST_CAUSES],
                    "causes_total": len(causes),
                },
            )
            for subject_id, causes in self._causes.items()
            for standing in [self._standings[subject_id]]
        ]

    def _streaks(self) -> list[tuple[UUID, str, dict[str, Any]]]:
        return [
            (
                subject_id,
                "streak",
                {
                    "days": standing.streak.days,
                    "longest_days": standing.streak.longest,
                    "freezes": standing.streak.freezes,
                },
            )
            for subject_id, standing in self._standings.items()
            if standing.streak.last_day != self._streak_days[subject_id]
        ]
