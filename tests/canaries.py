"""Rows for any table, with a canary in every column that can hold one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from guildhall.infra.database import Base
from guildhall.kernel.ids import new_id
from tests.world import NOON

# What a check of the table allows, or a reader can read.
FITTING: Mapping[str, Mapping[str, Any]] = {
    "audit_log": {"action": "login"},
    "users": {
        "role": "member",
        "status": "active",
        "time_zone": "UTC",
        "email_verified_at": None,
        "daily_capacity_minutes": 30,
    },
    "active_sessions": {"transport": "bearer"},
    "ai_budgets": {"scope": "member"},
    # What stays of a call has no words in it.
    "ai_calls": {
        "state": "settled",
        "feature": "goals.plan",
        "provider": "openai",
        "model": "m",
        "fault": None,
    },
    "ai_turns": {"state": "settled"},
    "attempts": {"status": "passed"},
    "challenges": {"difficulty": "easy"},
    "conversation_entries": {"kind": "said"},
    "conversation_proposals": {"state": "open"},
    "goals": {"status": "active", "minutes_per_day": 30, "domain": None, "template": None},
    "outbox_events": {"state": "done", "handler": "progression.note_happenings"},
    "plans": {"state": "accepted"},
    "reschedulings": {"state": "accepted"},
    "season_results": {"season": "2031-Q1", "board": "global"},
    "self_xp_days": {"clock": "own"},
    "task_activities": {"kind": "noted"},
    "task_executions": {"state": "succeeded", "queue": "default"},
    "tasks": {
        "status": "open",
        "kind": "do",
        "difficulty": "easy",
        "first_outcome": None,
        "review_of": None,
    },
}


def row_of(table: sa.Table, owner: str, owner_id: UUID, canary: str) -> dict[str, Any]:
    """Make up a row that belongs to somebody."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.identity is not None:
            continue
        if column.name == owner:
            value: Any = owner_id
        elif column.name in FITTING.get(table.name, {}):
            value = FITTING[table.name][column.name]
        else:
            value = _made_up(column, canary)
        row[column.name] = value
    return row


def _made_up(column: sa.Column[Any], canary: str) -> Any:
    match column.type:
        case JSONB():
            return json.dumps({"note": canary})
        case ARRAY(item_type=sa.Integer()) | sa.ARRAY(item_type=sa.Integer()):
            return [1]
        case ARRAY() | sa.ARRAY():
            return [canary]
        case sa.LargeBinary():
            return f"{canary} {new_id()}".encode()
        case sa.Uuid():
            return new_id()
        case sa.DateTime():
            return NOON
        case sa.Date():
            return date(2031, 5, 14)
        case sa.Boolean():
            return False
        case sa.Float():
            return 1.0
        case sa.Integer():
            return 1
        case Vector(dim=dimensions):
            return str([1.0] * dimensions)
        case _:
            return f"{canary} {new_id()}"


async def put(connection: asyncpg.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert a row as the owner of the database, whatever it points at."""
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            f"INSERT INTO {table.name} ({names}) VALUES ({places})", *row.values()
        )


async def tables_with(connection: asyncpg.Connection, canary: str) -> list[str]:
    """Give the tables that have a canary somewhere, in any column of any type."""
    found = []
    for table in Base.metadata.sorted_tables:
        rows = await connection.fetchval(
            f"SELECT count(*) FROM {table.name} t"
            " WHERE strpos(lower(t::text), $1) > 0 OR strpos(t::text, $2) > 0",
            canary.lower(),
            canary.encode().hex(),
        )
        if rows:
            found.append(f"{table.name}: {rows}")
    return found
