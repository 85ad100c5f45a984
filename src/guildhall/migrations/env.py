"""How Alembic reaches the database: the same driver and address as the hall."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from guildhall.entrypoints import wiring  # noqa: F401  # loads every slice's tables
from guildhall.infra.database import Base, driver_url

MIGRATION_LOCK = 0x6D696772617465  # Two migrators at once: the second waits. "migrate".


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
    # Nobody waits long behind a migration that waits for a lock; it fails, and is run again.
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    engine = create_async_engine(
        driver_url(context.config.attributes["database_url"]), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
