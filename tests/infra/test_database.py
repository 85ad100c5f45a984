"""The database: what its errors say is written down, so it must not say what somebody typed."""

from __future__ import annotations

import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.infra.hall import Hall

SECRET = "hunter2-of-the-analytical-engine"
MEMBER = """
INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, status,
                   time_zone, day_starts_at, created_at)
VALUES (gen_random_uuid(), 'ada', 'ada', 'a@example.org', 'a@example.org', :typed, {role}, 'active',
        'UTC', 0, now())
"""


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT nowhere FROM users WHERE username = CAST(:typed AS text)",
        "SELECT 1 / (length(:typed) - length(CAST(:typed AS text)))",
        MEMBER.format(role="NULL"),
        MEMBER.format(role="'emperor'"),
    ],
)
async def test_an_error_does_not_say_what_a_statement_was_given(
    committed: Hall, statement: str
) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with committed.units.write() as uow:
            await uow.session.execute(text(statement), {"typed": SECRET})
    assert SECRET not in "".join(traceback.format_exception(refused.value))
