"""Templates from content files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, case, cast, null
from sqlalchemy.dialects.postgresql import insert

from guildhall.goals.models import GoalTemplate
from guildhall.goals.templates import Template
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["seed_templates"]


async def seed_templates(uow: UnitOfWork, templates: Sequence[Template]) -> None:
    """Write templates by slug; a new content is a new version, and is embedded anew. Idempotent.

    Plans that were made from a template before stay as they are.
    """
    for template in templates:
        values: dict[str, Any] = {
            "title": template.title,
            "description": template.description,
            "domain": template.domain,
            "keywords": list(template.keywords),
            "content": template.model_dump(mode="json"),
        }
        written = insert(GoalTemplate).values(slug=template.slug, **values)
        changed = GoalTemplate.content.is_distinct_from(written.excluded.content)
        await uow.session.execute(
            written.on_conflict_do_update(
                index_elements=["slug"],
                set_={
                    **values,
                    "version": GoalTemplate.version + cast(changed, Integer),
                    "embedding_model": case((changed, null()), else_=GoalTemplate.embedding_model),
                },
            )
        )
