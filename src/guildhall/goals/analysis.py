"""GoalAnalyzer: which domain a goal belongs to, what it is like, and what it leaves open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field

from guildhall import ai
from guildhall.goals import repository
from guildhall.goals.models import Goal, GoalTemplate
from guildhall.goals.schemas import Findings
from guildhall.infra.llm import EmbeddingFailed
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["FEATURE", "Near", "analyse", "place_on_the_map"]

log = structlog.get_logger()

FEATURE = "goals"
PROMPT = ai.load("guildhall.goals", "analyse_goal", 1)
MOST_TEXT = 4_000

NUMBER = re.compile(r"\d")
MEASURES = re.compile(
    r"\b(hold|pass|finish|publish|write|run|build|read|give|win|reach|complete|launch|ship)\b",
    re.IGNORECASE,
)


class Analysis(BaseModel):
    """What a model says about a goal."""

    model_config = ConfigDict(extra="forbid")

    domain: str | None = Field(max_length=100)
    vague: list[str] = Field(max_length=5)
    missing: list[str] = Field(max_length=5)


@dataclass(frozen=True, slots=True)
class Near:
    """Where a goal lies among texts that the hall knows; nothing is near if it cannot be told."""

    point: Sequence[float] | None
    model: str | None
    goals: Sequence[UUID] = ()
    templates: Sequence[GoalTemplate] = ()
    domain: str | None = None


async def place_on_the_map(asker: ai.Asker, goal: Goal, domains: Mapping[str, str]) -> Near:
    """Embed a goal, with every template and domain that this model has not placed yet, and give
    what lies near."""
    async with asker.units.read(member=goal.user_id) as uow:
        templates = await repository.templates(uow)
    model = asker.llm.embedding_model
    unplaced = [template for template in templates if template.embedding_model != model]
    texts = [_text(goal.title, goal.description), *domains.values()]
    texts += [_text(t.title, t.description, *t.keywords) for t in unplaced]
    try:
        embedded = await ai.embed(asker, texts, member=goal.user_id, feature=FEATURE)
    except (EmbeddingFailed, ai.BudgetSpent) as failed:
        log.warning("goal_not_embedded", goal_id=str(goal.id), error=type(failed).__name__)
        return Near(None, None)
    point, *others = embedded.vectors
    of_domains, of_templates = others[: len(domains)], others[len(domains) :]
    async with asker.units.write(member=goal.user_id) as uow:
        await _keep_points(uow, unplaced, of_templates, embedded.model)
    async with asker.units.read(member=goal.user_id) as uow:
        return Near(
            point,
            embedded.model,
            await repository.nearest_goals(
                uow, goal.user_id, point, embedded.model, beside=goal.id
            ),
            await repository.nearest_templates(uow, point, embedded.model),
            _nearest(point, dict(zip(domains, of_domains, strict=True))),
        )


async def analyse(
    asker: ai.Asker,
    goal: Goal,
    near: Near,
    domains: Mapping[str, str],
    *,
    days_left: int,
    minutes_available: int,
    cause: str,
) -> Findings:
    """Say what a goal is about and what it leaves open. Asks a model, or the hall's own rules."""

    def unknown_domain(analysis: Analysis) -> list[str]:
        if analysis.domain is None or analysis.domain in domains:
            return []
        return [f"{analysis.domain!r} is no domain of the document; give one of those or null."]

    question = PROMPT.question(
        {
            "title": goal.title,
            "description": goal.description,
            "days_left": days_left,
            "minutes_available": minutes_available,
            "domains": domains,
        },
        answer=Analysis,
        offline=lambda: by_rules(goal.title, goal.description, near.domain, minutes_available),
        check=unknown_domain,
    )
    reply = await ai.ask(
        asker,
        question,
        member=goal.user_id,
        feature=FEATURE,
        prompt=PROMPT,
        cause=cause,
        offline_when_spent=True,
    )
    return Findings(
        provider=reply.provider,
        domain=goal.domain or reply.output.domain,
        vague=reply.output.vague,
        missing=reply.output.missing,
        similar_goals=list(near.goals),
        similar_templates=[template.slug for template in near.templates],
    )


def by_rules(
    title: str, description: str, nearest_domain: str | None, minutes_available: int
) -> Analysis:
    """Give what can be said about a goal without a model."""
    text = f"{title} {description}"
    vague, missing = [], []
    if len(title.split()) < 3 and not description:
        vague.append(f"“{title}” can mean many things: a sentence more would make a better plan.")
    if not NUMBER.search(text) and not MEASURES.search(text):
        missing.append("How will you know that you are there? Name something you can show or do.")
    if not description:
        missing.append("Where do you stand today? The plan begins there.")
    if minutes_available < 120:
        vague.append(
            f"There are {minutes_available} minutes until the deadline:"
            " that is enough for a first step, not for much more."
        )
    return Analysis(domain=nearest_domain, vague=vague, missing=missing)


async def _keep_points(
    uow: UnitOfWork,
    templates: Sequence[GoalTemplate],
    points: Sequence[Sequence[float]],
    model: str,
) -> None:
    by_slug = dict(zip((t.slug for t in templates), points, strict=True))
    for template in await repository.templates(uow) if by_slug else ():
        if template.slug in by_slug:
            template.embedding = list(by_slug[template.slug])
            template.embedding_model = model


def _nearest(point: Sequence[float], others: Mapping[str, Sequence[float]]) -> str | None:
    """Give the name of the point nearest to one, unless it is far."""
    distances = {
        name: 1 - sum(a * b for a, b in zip(point, other, strict=True))
        for name, other in others.items()
    }
    nearest = min(distances, key=lambda name: distances[name], default=None)
    return nearest if nearest is not None and distances[nearest] < repository.FAR else None


def _text(title: str, *more: str) -> str:
    return "\n".join(filter(None, (title, *more)))[:MOST_TEXT]
