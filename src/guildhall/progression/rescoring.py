"""Re-scoring: a rule or a grader was wrong, and a whole batch of XP is set right.

It is previewed first, as a task whose result says what would change. Applying a preview makes that
change to what had been given by then: for each ledger entry one more, with the difference, on the
day and in the periods where the original counts. An entry is re-scored or reversed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import text

from guildhall.identity import local_days, record
from guildhall.infra import tasks
from guildhall.infra.tasks import TaskExecution, TaskRun
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_views
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member
from guildhall.progression import badges, repository, service
from guildhall.progression.errors import PreviewNotFound, PreviewNotReady, PreviewUsed
from guildhall.progression.news import News
from guildhall.progression.repository import Gain, Standing
from guildhall.progression.rules import xp_for_score
from guildhall.progression.schemas import RescoringIn

__all__ = ["APPLY_TASK", "PREVIEW_TASK", "apply", "apply_later", "preview", "preview_later"]

PREVIEW_TASK = "progression.preview_rescoring"
APPLY_TASK = "progression.apply_rescoring"
SUBJECTS_AT_ONCE = 200
SAMPLE = 10

# What a filter chooses: what was given, up to the preview, and not taken back since.
CHOSEN = """
FROM xp_ledger l
WHERE l.xp > 0 AND l.cause_type NOT IN ('correction', 'rescoring') AND l.id <= CAST(:up_to AS uuid)
  AND NOT EXISTS (SELECT FROM xp_ledger r
                  WHERE r.subject_id = l.subject_id AND r.reverses_id = l.id)
  AND (CAST(:rule AS text) IS NULL OR l.rule_id = :rule)
  AND (CAST(:rule_version AS int) IS NULL OR l.rule_version = :rule_version)
  AND (CAST(:domain AS text) IS NULL OR l.domain = :domain)
  AND (CAST(:cause_ids AS uuid[]) IS NULL OR l.cause_id = ANY(:cause_ids))
  AND (CAST(:since AS timestamptz) IS NULL OR l.occurred_at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR l.occurred_at < :until)
"""

SUBJECTS = text(
    f"SELECT DISTINCT l.subject_id {CHOSEN} AND l.subject_id > :after ORDER BY 1 LIMIT :limit"
)

ENTRIES = text(
    "SELECT l.subject_id, l.id, l.xp, l.domain, l.occurred_at"
    f" {CHOSEN} AND l.subject_id = ANY(:subject_ids) ORDER BY l.subject_id, l.id"
)

SET_RIGHT = text("""
INSERT INTO xp_ledger
    (subject_id, id, xp, cause_type, cause_id, rule_id, rule_version, domain, reason, reverses_id,
     occurred_at, local_day)
SELECT l.subject_id, t.id, t.xp, 'rescoring', l.id, 'rescoring', 1, l.domain, :reason, l.id,
       l.occurred_at, l.local_day
FROM unnest(CAST(:subject_ids AS uuid[]), CAST(:entry_ids AS uuid[]), CAST(:ids AS uuid[]),
            CAST(:xps AS int[])) AS t(subject_id, entry_id, id, xp)
JOIN xp_ledger l ON l.subject_id = t.subject_id AND l.id = t.entry_id
""")


# What one execution has set right, its earlier tries included.
APPLIED = text("""
SELECT count(*) AS entries, count(DISTINCT r.subject_id) AS members,
       coalesce(sum(l.xp), 0) AS xp_before, coalesce(sum(l.xp + r.xp), 0) AS xp_after
FROM xp_ledger r
JOIN xp_ledger l ON l.subject_id = r.subject_id AND l.id = r.reverses_id
WHERE r.rule_id = 'rescoring' AND r.id > :execution_id AND r.reason = :reason
""")


@dataclass
class Change:
    """What a re-scoring changes, or would change."""

    entries: int = 0
    members: int = 0
    xp_before: int = 0
    xp_after: int = 0
    skipped: int = 0
    sample: list[str] = field(default_factory=list)

    def add(self, subject_id: UUID, before: Sequence[int], after: Sequence[int]) -> None:
        self.members += 1
        self.entries += len(before)
        self.xp_before += sum(before)
        self.xp_after += sum(after)
        self.sample += [str(subject_id)] if len(self.sample) < SAMPLE else []


async def preview_later(uow: UnitOfWork, admin: Member, body: RescoringIn) -> UUID:
    """Start the task that tells what a re-scoring would change. Changes nothing."""
    arguments = {"body": body.model_dump(mode="json"), "up_to": str(new_id())}
    started = await tasks.start(uow, PREVIEW_TASK, arguments, requested_by=admin.id)
    assert started is not None  # Only a task with a `once` key may already have been started.
    return started


async def apply_later(uow: UnitOfWork, admin: Member, preview_id: UUID) -> UUID:
    """Start the task that makes the change that was previewed, once. Audited."""
    previewed = await uow.session.get(TaskExecution, preview_id)
    if previewed is None or previewed.name != PREVIEW_TASK:
        raise PreviewNotFound
    if previewed.state != "succeeded":
        raise PreviewNotReady
    started = await tasks.start(
        uow,
        APPLY_TASK,
        previewed.arguments,
        queue="awards",
        requested_by=admin.id,
        once=f"{APPLY_TASK}:{preview_id}",
    )
    if started is None:
        raise PreviewUsed
    record(
        uow,
        "xp_rescored",
        actor_id=admin.id,
        task_execution_id=str(started),
        **previewed.arguments["body"],
    )
    return started


async def preview(run: TaskRun, body: dict[str, Any], up_to: str) -> dict[str, Any]:
    """Tell what a re-scoring would change."""
    wanted, change, after = RescoringIn.model_validate(body), Change(), UUID(int=0)
    while True:
        async with run.read() as uow:
            subject_ids = await _subjects(uow, wanted, up_to, after)
            if not subject_ids:
                return asdict(change)
            standings = await repository.read_standings(uow, subject_ids)
            await _set_right(uow, wanted, up_to, standings, change)
        after = subject_ids[-1]
        await run.progress(change.members + change.skipped)


async def apply(run: TaskRun, body: dict[str, Any], up_to: str) -> dict[str, Any]:
    """Make the change, a page of members at a time. Idempotent: an entry is re-scored once."""
    wanted, change, after = RescoringIn.model_validate(body), Change(), UUID(int=0)
    while True:
        async with run.write() as uow:
            subject_ids = await _subjects(uow, wanted, up_to, after)
            if not subject_ids:
                applied = await uow.session.execute(
                    APPLIED, {"execution_id": run.execution_id, "reason": wanted.reason}
                )
                return asdict(change) | applied.one()._asdict()
            standings = await repository.lock_standings(uow, subject_ids)
            gains = await _set_right(uow, wanted, up_to, standings, change, write=True)
            changed = {id_: standings[id_] for id_ in {gain.subject_id for gain in gains}}
            days = await local_days(uow, changed)
            today = uow.now.date()
            days = {id_: days.get(id_, today) for id_ in changed}
            news = News(changed)
            for gain in gains:
                news.earned(gain.subject_id, gain.xp, "rescoring", run.execution_id, gain.domain)
            await service.gain(uow, changed, gains, days, news)
            await badges.check(uow, changed, days, news)
            drop_views(uow, changed)
            news.tell(uow)
        after = subject_ids[-1]
        await run.progress(change.members + change.skipped)


async def _subjects(uow: UnitOfWork, wanted: RescoringIn, up_to: str, after: UUID) -> list[UUID]:
    return list(
        await uow.session.scalars(
            SUBJECTS, _filter(wanted, up_to) | {"after": after, "limit": SUBJECTS_AT_ONCE}
        )
    )


async def _set_right(
    uow: UnitOfWork,
    wanted: RescoringIn,
    up_to: str,
    standings: Mapping[UUID, Standing],
    change: Change,
    *,
    write: bool = False,
) -> list[Gain]:
    """Work out what some members' entries come to, and write it if that is asked for.

    Whoever would be left with less than no XP is skipped, and counted.
    """
    rows = await uow.session.execute(
        ENTRIES, _filter(wanted, up_to) | {"subject_ids": list(standings)}
    )
    gains: list[Gain] = []
    entry_ids: list[UUID] = []
    for subject_id, group in groupby(rows, key=attrgetter("subject_id")):
        entries = list(group)
        before = [entry.xp for entry in entries]
        after = [xp_for_score(entry.xp, wanted.worth_percent) for entry in entries]
        if standings[subject_id].total_xp + sum(after) - sum(before) < 0:
            change.skipped += 1
            continue
        change.add(subject_id, before, after)
        for entry, xp in zip(entries, after, strict=True):
            gains.append(Gain(subject_id, entry.domain, xp - entry.xp, entry.occurred_at))
            entry_ids.append(entry.id)
    if write and gains:
        await uow.session.execute(
            SET_RIGHT,
            {
                "subject_ids": [gain.subject_id for gain in gains],
                "entry_ids": entry_ids,
                "ids": [new_id() for _ in gains],
                "xps": [gain.xp for gain in gains],
                "reason": wanted.reason,
            },
        )
    return gains


def _filter(wanted: RescoringIn, up_to: str) -> dict[str, Any]:
    return wanted.model_dump(exclude={"reason", "worth_percent"}) | {"up_to": UUID(up_to)}
