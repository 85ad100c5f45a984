"""GoalAnalyzer: which domain a goal belongs to, what it is like, and what it leaves open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from guildhall import ai
from guildhall.goals import repository
from guildhall.goals.models import DomainPoint, Goal, GoalTemplate
from guildhall.goals.schemas import Findings
from guildhall.infra.llm import EmbeddingFailed

__all__ = ["Near", "analyse", "in_brief", "place_on_the_map"]

log = structlog.get_logger()

FEATURE = "goals.analyse"
PROMPT = ai.load("guildhall.goals", "analyse_goal", 1)
MOST_TEXT = 4_000
MOST_OF_DOMAINS = 18_000
"""Letters of JSON; the prompts take 20,000, which leaves some for what has to be escaped."""
JSON_AROUND = len('"":"",')

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

    domain: str | None
    goals: Sequence[UUID] = ()
    templates: Sequence[GoalTemplate] = ()


async def place_on_the_map(asker: ai.Asker, goal: Goal, domains: Mapping[str, str]) -> Near:
    """Say what lies near a goal. Whatever this model has not placed yet is embedded and kept at
    once, so that nothing is paid for twice, whoever dies in between."""
    model = asker.llm.embedding_model
    try:
        await _place_templates(asker, model)
        of_domains = await _points_of(asker, domains, model)
        point = await _point_of(asker, goal, model)
    except (EmbeddingFailed, ai.BudgetSpent) as failed:
        log.warning("goal_not_embedded", goal_id=str(goal.id), error=type(failed).__name__)
        return Near(None)
    async with asker.units.read(member=goal.user_id) as uow:
        return Near(
            _nearest(point, of_domains),
            await repository.nearest_goals(uow, goal.user_id, point, model, beside=goal.id),
            await repository.nearest_templates(uow, point, model),
        )


async def _point_of(asker: ai.Asker, goal: Goal, model: str) -> Sequence[float]:
    """Give where a goal lies."""
    if goal.embedding is not None and goal.embedding_model == model:
        return goal.embedding
    embedded = await ai.embed(
        asker, [_text(goal.title, goal.description)], member=goal.user_id, feature=FEATURE
    )
    point = list(embedded.vectors[0])
    async with asker.units.write(member=goal.user_id) as uow:
        await uow.session.execute(
            update(Goal)
            .where(
                Goal.user_id == goal.user_id,
                Goal.id == goal.id,
                Goal.title == goal.title,
                Goal.description == goal.description,
            )
            .values(embedding=point, embedding_model=embedded.model)
        )
    return point


async def _points_of(
    asker: ai.Asker, domains: Mapping[str, str], model: str
) -> dict[str, Sequence[float]]:
    """Give where the domains lie. Those that are new, or say something new, are embedded."""
    async with asker.units.read() as uow:
        known: dict[str, Sequence[float]] = {
            row.domain: row.embedding
            for row in await uow.session.scalars(select(DomainPoint))
            if row.embedding_model == model and row.said == domains.get(row.domain)
        }
    if missing := [domain for domain in domains if domain not in known]:
        texts = [domains[domain] for domain in missing]
        embedded = await ai.embed(asker, texts, member=None, feature=FEATURE)
        new = dict(zip(missing, map(list, embedded.vectors), strict=True))
        async with asker.units.write() as uow:
            for domain, point in new.items():
                values = {
                    "said": domains[domain],
                    "embedding": point,
                    "embedding_model": embedded.model,
                }
                await uow.session.execute(
                    insert(DomainPoint)
                    .values(domain=domain, **values)
                    .on_conflict_do_update(index_elements=["domain"], set_=values)
                )
        known |= new
    return known


async def _place_templates(asker: ai.Asker, model: str) -> None:
    """Embed the templates that are new, or that another model has placed. Once for all goals."""
    async with asker.units.read() as uow:
        unplaced = [t for t in await repository.templates(uow) if t.embedding_model != model]
    if not unplaced:
        return
    embedded = await ai.embed(
        asker,
        [_text(t.title, t.description, *t.keywords) for t in unplaced],
        member=None,
        feature=FEATURE,
    )
    points = {t.slug: point for t, point in zip(unplaced, embedded.vectors, strict=True)}
    async with asker.units.write() as uow:
        for template in await repository.templates(uow):
            if template.slug in points:
                template.embedding = list(points[template.slug])
                template.embedding_model = embedded.model


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
            "domains": in_brief(domains),
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


def in_brief(domains: Mapping[str, str]) -> dict[str, str]:
    """Give what domains are about, the more of them there are the shorter: prompts take so much,
    and a hall may have hundreds."""
    each = MOST_OF_DOMAINS // max(len(domains), 1) - JSON_AROUND
    return {slug: text[: max(each - len(slug), 0)] for slug, text in domains.items()}


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
