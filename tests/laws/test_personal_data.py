"""Every table that knows a member says what they are given of it, and what is erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from guildhall.entrypoints.wiring import PERSONAL
from guildhall.infra.database import Base
from guildhall.infra.personal import Personal

NAMES = {"user_id", "subject_id", "requested_by", "created_by", "actor_id", "target_id"} | {
    "reviewer_id", "author_id", "owner_id", "member_id", "approved_by", "changed_by",
}  # fmt: skip
SECRETS = ("hash", "sealed", "secret", "public_key", "credential_id", "content", "fingerprint")


def members_in(table: sa.Table) -> Iterator[str]:
    """Give the columns of a table that name a member."""
    for column in table.columns:
        points = any(key.target_fullname == "users.id" for key in column.foreign_keys)
        if points or column.name in NAMES or (table.name, column.name) == ("users", "id"):
            yield column.name


def faults(metadata: sa.MetaData, declared: Sequence[Personal]) -> Iterator[str]:
    known = {(each.table, owner) for each in declared for owner in each.owners}
    for table in metadata.sorted_tables:
        for column in members_in(table):
            if (table.name, column) not in known:
                yield f"{table.name}.{column}: nobody said how it is exported and erased"
    for name, column in known:
        if name not in metadata.tables or column not in metadata.tables[name].columns:
            yield f"{name}.{column}: is declared, and not there"
    for each in declared:
        if each.table not in metadata.tables:
            continue
        table = metadata.tables[each.table]
        for secret in table.columns:
            shown = each.shown is None and secret.name not in each.hidden
            if shown and any(word in secret.name for word in SECRETS):
                yield f"{each.table}.{secret.name}: a secret would be exported"
        if each.hidden - set(table.columns.keys()):
            yield f"{each.table}: hides what is not there"
    files = [each.name for each in declared]
    for name in sorted({name for name in files if files.count(name) > 1}):
        yield f"{name}.json: two exports have this name"


def test_every_table_that_names_a_member_is_exported_and_erased() -> None:
    assert list(faults(Base.metadata, PERSONAL)) == []


def test_what_stays_after_an_erasure_says_why() -> None:
    for each in PERSONAL:
        if each.kept is not None:
            assert each.kept.endswith("."), each.table
            assert len(each.kept.split()) > 5, each.table


def test_the_row_of_the_account_is_the_last() -> None:
    assert PERSONAL[-1].table == "users"


def test_the_law_of_personal_data_sees_each_fault() -> None:
    metadata = sa.MetaData()
    sa.Table("users", metadata, sa.Column("id", sa.Uuid, primary_key=True))
    sa.Table(
        "diaries",
        metadata,
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("reader", sa.Uuid, sa.ForeignKey("users.id")),
        sa.Column("token_hash", sa.LargeBinary),
    )
    declared = [
        Personal("users", ("id",)),
        Personal("diaries", hidden=frozenset({"gone"})),
        Personal("letters"),
        Personal("users", ("id",)),
    ]
    assert sorted(faults(metadata, declared)) == [
        "diaries.reader: nobody said how it is exported and erased",
        "diaries.token_hash: a secret would be exported",
        "diaries: hides what is not there",
        "letters.user_id: is declared, and not there",
        "users.json: two exports have this name",
    ]
