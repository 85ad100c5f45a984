"""Who listens to what, and what runs when: the two tables of the house, and its routes.

Read a line of the first as "when this has happened, that slice does this". A test fails for an
event without a line and for a line whose event nobody tells.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from guildhall import ai, challenges, goals, identity, progression
from guildhall.entrypoints import operations
from guildhall.infra import housekeeping, personal
from guildhall.infra.delivery import Subscription as When
from guildhall.infra.hall import Wiring
from guildhall.infra.http.access import AccessRouters
from guildhall.infra.tasks import TaskDefinition as Task

__all__ = ["PERSONAL", "ROUTERS", "WIRING"]

SUBSCRIPTIONS = (
    # event, what is done, queue, seconds between calls for what can wait; countable ones are
    # written where badges can count them
    When(identity.UserRegistered, progression.note_happenings, "awards", 0.2, countable=True),
    When(identity.MemberMovedZone, progression.excuse_moved_days, "awards"),
    When(identity.SessionsChanged, identity.forget_sessions, "events"),
    When(challenges.AttemptSubmitted, challenges.grade_attempts, "events"),
    When(challenges.AttemptGraded, progression.award_achievements, "awards", countable=True),
    When(challenges.AttemptGraded, challenges.calibrate_ratings, "events", 0.5),
    When(challenges.AttemptGraded, goals.prove_milestones, "events", 0.5),
    When(goals.TaskCompleted, progression.award_achievements, "awards", countable=True),
    When(goals.GoalCompleted, progression.note_happenings, "awards", 0.2, countable=True),
    When(progression.LevelReached, progression.note_happenings, "awards", 0.2, countable=True),
    When(progression.RankReached, progression.note_happenings, "awards", 0.2, countable=True),
    When(progression.BadgeEarned, progression.note_happenings, "awards", 0.2, countable=True),
    When(progression.BoardsMoved, progression.publish_boards, "awards", 0.5),
)

# What the hall holds of a member, table by table: exported in this order, and erased in it.
PERSONAL = (
    *personal.PERSONAL,
    *challenges.PERSONAL,
    *goals.PERSONAL,
    *ai.PERSONAL,
    *progression.PERSONAL,
    *identity.PERSONAL,
)

TASKS = (
    Task("infra.probe", housekeeping.probe, every=timedelta(seconds=5)),
    Task("infra.tidy", housekeeping.tidy, every=timedelta(hours=1)),
    Task("ai.release_lost", ai.release_lost, every=timedelta(minutes=1)),
    Task("ai.tidy_turns", ai.tidy_turns, every=timedelta(hours=1)),
    Task("progression.watch_boards", progression.watch_boards, every=timedelta(seconds=5)),
    Task(progression.REBUILD_TASK, progression.rebuild_boards),
    Task(progression.AWARD_BADGE_TASK, progression.award_badge_to_all),
    Task(progression.TRY_BADGE_TASK, progression.try_on_history),
    Task(progression.PREVIEW_RESCORING_TASK, progression.preview_rescoring),
    Task(progression.APPLY_RESCORING_TASK, progression.apply_rescoring),
    Task(goals.PLAN_TASK, goals.plan_goal),
    Task(goals.CONVERSE_TASK, goals.converse),
    Task("goals.close_days", goals.close_days, every=timedelta(minutes=30)),
    Task("goals.take_up_lost", goals.take_up_lost, every=timedelta(minutes=10)),
    Task("identity.mail_address_changed", identity.mail_address_changed),
    Task("identity.mail_leaving", identity.mail_leaving),
    Task("identity.mail_new_device", identity.mail_new_device),
    Task("identity.mail_password_changed", identity.mail_password_changed),
    Task("identity.mail_proofs_changed", identity.mail_proofs_changed),
    Task("identity.mail_reset", identity.mail_reset),
    Task("identity.mail_verification", identity.mail_verification),
    Task(identity.EXPORT_TASK, partial(identity.export_data, personal=PERSONAL)),
    Task("identity.tidy_exports", identity.tidy_exports, every=timedelta(hours=1)),
    Task(
        "identity.erase_due",
        partial(identity.erase_due, personal=PERSONAL),
        every=timedelta(hours=1),
    ),
    Task("progression.close_seasons", progression.close_seasons, every=timedelta(minutes=10)),
)

SEALED = (identity.TOTP_SECRET,)

# What slices suggest on a member's dashboard, in this order, after what their goals suggest.
SUGGESTIONS = (challenges.SUGGESTIONS,)

WIRING = Wiring(SUBSCRIPTIONS, TASKS, SEALED, SUGGESTIONS)

ROUTERS: tuple[AccessRouters, ...] = (
    identity.routers,
    progression.routers,
    ai.routers,
    challenges.routers,
    goals.routers,
    operations.routers,
)
