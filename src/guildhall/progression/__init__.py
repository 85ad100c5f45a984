"""XP, levels, ranks, streaks, badges and leaderboards: the one engine that everything feeds."""

from guildhall.progression.audit import Audit, audit, repair
from guildhall.progression.badges import (
    AWARD_BADGE_TASK,
    TRY_BADGE_TASK,
    award_badge_to_all,
    try_on_history,
)
from guildhall.progression.boards import domains
from guildhall.progression.boards import fill_if_missing as fill_boards
from guildhall.progression.conditions import parse as parse_condition
from guildhall.progression.errors import ConditionInvalid
from guildhall.progression.events import (
    Achievement,
    BadgeEarned,
    BoardsMoved,
    LevelReached,
    RankReached,
)
from guildhall.progression.fields import domain_texts, standing_in
from guildhall.progression.handlers import (
    award_achievements,
    excuse_moved_days,
    note_happenings,
    publish_boards,
)
from guildhall.progression.personal import PERSONAL
from guildhall.progression.queries import my_progress
from guildhall.progression.repository import days_away
from guildhall.progression.rescoring import APPLY_TASK as APPLY_RESCORING_TASK
from guildhall.progression.rescoring import PREVIEW_TASK as PREVIEW_RESCORING_TASK
from guildhall.progression.rescoring import apply as apply_rescoring
from guildhall.progression.rescoring import preview as preview_rescoring
from guildhall.progression.routes import routers
from guildhall.progression.rules import LOWEST_RANK, xp_for_score
from guildhall.progression.seeding import SeedBadge, SeedDomain, seed_badges, seed_domains
from guildhall.progression.tasks import (
    REBUILD_TASK,
    close_seasons,
    rebuild_boards,
    watch_boards,
)

__all__ = [
    "APPLY_RESCORING_TASK",
    "AWARD_BADGE_TASK",
    "LOWEST_RANK",
    "PERSONAL",
    "PREVIEW_RESCORING_TASK",
    "REBUILD_TASK",
    "TRY_BADGE_TASK",
    "Achievement",
    "Audit",
    "BadgeEarned",
    "BoardsMoved",
    "ConditionInvalid",
    "LevelReached",
    "RankReached",
    "SeedBadge",
    "SeedDomain",
    "apply_rescoring",
    "audit",
    "award_achievements",
    "award_badge_to_all",
    "close_seasons",
    "days_away",
    "domain_texts",
    "domains",
    "excuse_moved_days",
    "fill_boards",
    "my_progress",
    "note_happenings",
    "parse_condition",
    "preview_rescoring",
    "publish_boards",
    "rebuild_boards",
    "repair",
    "routers",
    "seed_badges",
    "seed_domains",
    "standing_in",
    "try_on_history",
    "watch_boards",
    "xp_for_score",
]
