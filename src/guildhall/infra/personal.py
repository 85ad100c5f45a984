"""What the hall holds of a member: every table that knows somebody says what becomes of it.

A slice declares its own tables. The wiring puts the declarations into one list and hands it down
to who makes exports and erases accounts; a law test fails for a table that is missing in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, Table, delete, literal, or_, select, tuple_

from guildhall.infra.database import Base
from guildhall.infra.tasks import TaskExecution
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork

__all__ = ["PERSONAL", "Personal", "erase", "pages"]

ROWS_AT_ONCE = 1000

Eraser = Callable[[UnitOfWork, UUID], Awaitable[int]]
"""Removes what is personal; gives the number of rows it changed, 0 when nothing was left to do."""


@dataclass(frozen=True)
class Personal:
    """A table that knows members: what of it they are given, and what an erasure leaves.

    They are given every column of their rows but the hidden ones, and the rows are deleted, unless
    something else is said here.
    """

    table: str
    owners: tuple[str, ...] = ("user_id",)
    """The columns that say whose a row is; one of them is enough."""
    whose: Callable[[UUID], ColumnElement[bool]] | None = None
    """What says whose a row is beside these columns."""
    hidden: frozenset[str] = frozenset()
    """Columns that are not given out: secrets, and what belongs to the machine."""
    file: str | None = None
    """The name of its file in an export, if it is not the table's."""
    shown: Callable[[UUID], Select[Any]] | None = None
    """What is given instead of whole rows. Selects the table's primary key too, to be paged by."""
    of_others: bool = False
    """Whether the rows are another member's, who is only named in them by this one."""
    erase: Eraser | None = None
    """What erases instead of a deletion."""
    kept: str | None = None
    """Why rows stay, without what is personal; then `erase`, if there is one, sees to that."""

    @property
    def name(self) -> str:
        return self.file or self.table

    @property
    def columns(self) -> Table:
        return Base.metadata.tables[self.table]

    def mine(self, user_id: UUID) -> ColumnElement[bool]:
        more = [self.whose(user_id)] if self.whose else []
        return or_(*(self.columns.c[owner] == user_id for owner in self.owners), *more)


async def pages(
    units: UnitsOfWork, personal: Personal, user_id: UUID
) -> AsyncIterator[Sequence[dict[str, Any]]]:
    """Give what a member is given of a table, a page in each unit of work, by primary key."""
    table = personal.columns
    chosen = personal.shown(user_id) if personal.shown else select(table)
    query = chosen.where(personal.mine(user_id)).limit(ROWS_AT_ONCE)
    key = _key(table, personal)
    if key:
        query = query.order_by(*key)
    after: Sequence[Any] | None = None
    while True:
        page = query if after is None else query.where(tuple_(*key) > tuple_(*after))
        # As the member: past the wall under their rows (ADR 0010) nothing of others comes along.
        async with units.read(member=None if personal.of_others else user_id) as uow:
            rows = (await uow.session.execute(page)).mappings().all()
        if rows:
            yield [{k: v for k, v in row.items() if k not in personal.hidden} for row in rows]
        if len(rows) < ROWS_AT_ONCE or not key:
            return
        after = [
            literal(rows[-1][column.name], column.type)  # A bare value would be bound as text.
            for column in key
        ]


async def erase(units: UnitsOfWork, personal: Personal, user_id: UUID) -> int:
    """Erase what a table holds of a member; give the number of rows that changed. Idempotent."""
    if personal.erase is not None:
        async with units.write(member=user_id) as uow:
            return await personal.erase(uow, user_id)
    if personal.kept is not None:
        return 0
    erased = 0
    while True:
        # Whoever holds a row of these may want another: all but one are taken without waiting.
        count = await _erase_some(units, personal, user_id, ROWS_AT_ONCE, skip_locked=True)
        count = count or await _erase_some(units, personal, user_id, 1, skip_locked=False)
        if not count:
            return erased
        erased += count


async def _erase_some(
    units: UnitsOfWork, personal: Personal, user_id: UUID, most: int, *, skip_locked: bool
) -> int:
    table = personal.columns
    own = select(*table.primary_key.columns).where(personal.mine(user_id)).limit(most)
    chosen = own.with_for_update(skip_locked=skip_locked).cte("chosen")
    key = tuple_(*table.primary_key.columns)
    async with units.write(member=user_id) as uow:
        gone = await uow.session.execute(
            delete(table).where(key.in_(select(*chosen.columns))).returning(literal(1))
        )
        return len(gone.all())


def _key(table: Table, personal: Personal) -> list[Column[Any]]:
    """Give the columns that tell a member's rows apart."""
    alone = personal.owners[0] if len(personal.owners) == 1 else None
    return [column for column in table.primary_key.columns if column.name != alone]


def _told_of(user_id: UUID) -> ColumnElement[bool]:
    """Find the tasks whose arguments name a member: a letter to them, say."""
    named: ColumnElement[bool] = TaskExecution.arguments["user_id"].astext == str(user_id)
    return named


PERSONAL = (
    # First: what is on its way about a member must not arrive after the rest is gone.
    Personal("outbox_events", ("subject_id",), hidden=frozenset({"lease_id", "lease_until"})),
    # A task that runs ends when it misses its row.
    Personal(
        "task_executions",
        ("requested_by",),
        hidden=frozenset({"arguments", "lease_until", "once"}),
        whose=_told_of,
    ),
    # An answer may have been a new key, which is shown once.
    Personal("idempotency_keys", hidden=frozenset({"fingerprint", "body"})),
)
"""The tables of the machinery."""
