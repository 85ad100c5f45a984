"""The schema shards by member: keys and constraints of a member's table contain the member."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

import guildhall.entrypoints.wiring  # noqa: F401  # loads every table
from guildhall.infra.database import Base

OWNERS = ("user_id", "subject_id")

DIRECTORY = {
    "users": "accounts: small rows, read by everyone",
    "domains": "fields of learning",
    "rank_systems": "one row per domain",
    "badges": "what can be earned",
    "challenges": "what can be mastered",
    "challenge_requirements": "from challenge to challenge",
    "challenge_ratings": "one row per challenge",
    "domain_points": "where each domain lies among texts",
    "goal_templates": "plans that worked for others",
    "external_identities": "asked whose an issuer's subject is, before the member is known",
}
"""Small tables that every shard has a copy of (reference tables on Citus)."""

COORDINATOR = {
    "outbox_events": "FOR UPDATE SKIP LOCKED over all subjects works only in one place",
    "task_executions": "claimed like the outbox",
    "audit_log": "outlives the accounts it names, and is read across all of them",
    "setup_tokens": "one row, before there is any member",
    "heartbeats": "one row per kind of process",
    "seasons": "one row per quarter, which makes closing it happen once",
}
"""Tables that stay whole on the coordinator, each with its reason."""


def owner_of(table: sa.Table) -> str | None:
    """Give the column that says whose rows these are, for a table that members own."""
    if table.name in DIRECTORY or table.name in COORDINATOR:
        return None
    return next((name for name in OWNERS if name in table.columns), None)


def faults(metadata: sa.MetaData) -> Iterator[str]:
    for table in metadata.sorted_tables:
        owner = owner_of(table)
        if owner is None:
            if table.name not in DIRECTORY and table.name not in COORDINATOR:
                yield f"{table.name}: is neither a member's, nor a directory, nor the coordinator's"
            for key in table.foreign_key_constraints:
                if owner_of(key.referred_table):
                    yield f"{table.name}: points at a member's table, {key.referred_table.name}"
            continue
        if owner not in table.primary_key.columns:
            yield f"{table.name}: {owner} is not in the primary key"
        if table.columns[owner].nullable:
            yield f"{table.name}: {owner} can be null"
        uniques = [c for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
        for unique in [*uniques, *(index for index in table.indexes if index.unique)]:
            if owner not in unique.columns:
                yield f"{table.name}: {unique.name} does not contain {owner}"
        for key in table.foreign_key_constraints:
            its_owner = owner_of(key.referred_table)
            carried = {(e.parent.name, e.column.name) for e in key.elements}
            if key.referred_table.name in COORDINATOR:
                yield f"{table.name}: points at {key.referred_table.name} on the coordinator"
            elif its_owner and (owner, its_owner) not in carried:
                yield f"{table.name}: {key.name} does not carry {owner}"


def test_every_member_owned_table_shards_by_its_member() -> None:
    assert list(faults(Base.metadata)) == []


def test_every_table_listed_exists() -> None:
    assert {*DIRECTORY, *COORDINATOR} <= set(Base.metadata.tables)


def test_the_law_of_shards_sees_each_fault() -> None:
    metadata = sa.MetaData()

    def column(name: str, *arguments: sa.SchemaItem, primary_key: bool = False) -> sa.Column[str]:
        return sa.Column(name, sa.Text, *arguments, primary_key=primary_key, nullable=False)

    sa.Table(
        "devices", metadata, column("user_id", primary_key=True), column("id", primary_key=True)
    )
    sa.Table("loose", metadata, column("id", primary_key=True), column("user_id"))
    sa.Table(
        "narrow", metadata, column("user_id", primary_key=True), column("slug"),
        sa.UniqueConstraint("slug", name="uq_slug"),
        sa.Index("ix_slug", "slug", unique=True),
    )  # fmt: skip
    sa.Table(
        "pointing", metadata, column("user_id", primary_key=True),
        column("device_id", sa.ForeignKey("devices.id", name="fk_short")),
    )  # fmt: skip
    sa.Table("users", metadata, column("id", sa.ForeignKey("devices.id"), primary_key=True))
    sa.Table("homeless", metadata, column("id", primary_key=True))
    assert sorted(faults(metadata)) == [
        "homeless: is neither a member's, nor a directory, nor the coordinator's",
        "loose: user_id is not in the primary key",
        "narrow: ix_slug does not contain user_id",
        "narrow: uq_slug does not contain user_id",
        "pointing: fk_short does not carry user_id",
        "users: points at a member's table, devices",
    ]
