"""PostgreSQL: the pools, the base of every table, and the one table of naming rules.

Two doors lead in. Everything that changes something, and every read that is not hot, goes through
SQLAlchemy inside a unit of work. The few hot reads that a profile points at run plain SQL on
`reads`, an asyncpg pool whose connections cannot write (ADR 0004). `claims` is for the outbox.

All of them act as a role that owns nothing, and for which members' rows have a policy (ADR 0010):
a statement sees the rows of the member that its connection was told of, of everybody if it was
told `WHOLE_HALL`, and of nobody if it was told nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import URL, DateTime, MetaData, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from guildhall.infra.endpoints import APP_ROLE
from guildhall.infra.settings import DatabaseSettings

__all__ = [
    "MEMBER_SETTING",
    "WHOLE_HALL",
    "Base",
    "Database",
    "asyncpg_arguments",
    "driver_url",
    "is_away",
    "is_unusable_value",
    "open_database",
    "why_not",
]

READ_POOL_SIZE = 8
MEMBER_SETTING = "guildhall.member"
WHOLE_HALL = "hall"


class Base(DeclarativeBase):
    """The base of every table. Times are always with a zone."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[type, Any]] = {datetime: DateTime(timezone=True)}


@dataclass(frozen=True)
class Database:
    """The open pools of one process."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    reads: asyncpg.Pool
    claims: asyncpg.Pool

    @asynccontextmanager
    async def reads_of(self, member_id: UUID) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        """Give a connection of `reads` that sees this member's rows."""
        async with self.reads.acquire() as connection:
            # Not an argument: a setting takes none. A UUID's text needs no quoting. It stays until
            # the next one: statements that do not come through here read what everybody may see.
            await connection.execute(f"SET {MEMBER_SETTING} = '{member_id!s}'")
            yield connection


@asynccontextmanager
async def open_database(
    url: str,
    settings: DatabaseSettings,
    *,
    pool_size: int | None = None,
    reach: str = WHOLE_HALL,
) -> AsyncIterator[Database]:
    """Open the pools for the life of a process.

    A request that finds no free connection within `database_pool_timeout_seconds` gets a 503.
    `pool_size` overrides the setting where a process needs few connections (a worker's child).
    `reach` says whose rows it sees before it is told; a process that answers members has none.
    """
    whose = {"role": APP_ROLE, MEMBER_SETTING: reach}
    engine = create_async_engine(
        driver_url(url),
        pool_size=pool_size or settings.database_pool_size,
        max_overflow=0 if pool_size else settings.database_max_overflow,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_pre_ping=False,
        hide_parameters=True,  # An error is written down; what somebody typed is not.
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "server_settings": {"application_name": "guildhall", **whose},
            "timeout": 10,
        },
    )
    event.listen(engine.sync_engine, "handle_error", _leave_out_the_row)
    async with (
        _statements(
            url,
            "guildhall-reads",
            min(READ_POOL_SIZE, pool_size or READ_POOL_SIZE),
            default_transaction_read_only="on",
            **whose,
        ) as reads,
        # A claim that a crash of the server undoes was never made. The outbox swings between
        # empty and full faster than its statistics: a claim is meant to walk a partial index,
        # whatever they say.
        _statements(
            url,
            "guildhall-claims",
            1,
            synchronous_commit="off",
            enable_seqscan="off",
            role=APP_ROLE,
        ) as claims,
    ):
        try:
            yield Database(
                engine, async_sessionmaker(engine, expire_on_commit=False), reads, claims
            )
        finally:
            await engine.dispose()


@asynccontextmanager
async def _statements(
    url: str, application_name: str, size: int, **server_settings: str
) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool for single statements, each a transaction of its own."""
    async with asyncpg.create_pool(
        **asyncpg_arguments(url),
        min_size=0,
        max_size=size,
        timeout=10,
        # No session state is ever set on these connections, so there is none to reset: that
        # halves what a statement costs the server.
        reset=_leave_as_is,
        server_settings={"application_name": application_name, **server_settings},
    ) as pool:
        yield pool


def _leave_out_the_row(context: ExceptionContext) -> None:
    """Take out of an error what PostgreSQL adds: the row that it refused, whatever stands in it."""
    refused = context.original_exception.__cause__
    detail = getattr(refused, "detail", None)
    if not isinstance(refused, asyncpg.PostgresError) or detail is None:
        return
    refused.detail = None
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None:
            error.args = tuple(str(arg).replace(f"\nDETAIL:  {detail}", "") for arg in error.args)


async def _leave_as_is(connection: Any) -> None:
    return None


# Of SQLSTATE: lost connections, resources used up, a server that is stopping or starting.
AWAY_CLASSES = ("08", "53", "57")


def is_away(error: BaseException) -> bool:
    """Tell whether an error says that the database cannot do it now, rather than at all.

    SQLAlchemy gives no type of its own to most of what asyncpg raises while a server dies.
    """
    if isinstance(error, OSError | PoolTimeout):
        return True
    cause = _cause(error)
    if isinstance(cause, asyncpg.PostgresError):
        return (cause.sqlstate or "").startswith(AWAY_CLASSES)
    # A connection that the server has just closed says that it is in a state it cannot leave.
    return isinstance(
        cause, asyncpg.InterfaceError | asyncpg.InternalClientError | OSError
    ) and not isinstance(cause, ValueError)


def is_unusable_value(error: BaseException) -> bool:
    """Tell whether a value was refused by PostgreSQL, or by the driver on the way there."""
    cause = _cause(error)
    if isinstance(cause, asyncpg.PostgresError):
        return (cause.sqlstate or "").startswith("22")
    return isinstance(cause, asyncpg.InterfaceError) and isinstance(cause, ValueError)


def why_not(error: BaseException) -> str | None:
    """Give a sentence for the operator, for what they and not the code have to mend; else None."""
    if is_away(error):
        return f"The database cannot be reached: {error}"
    cause = _cause(error)
    if isinstance(cause, asyncpg.InsufficientPrivilegeError):
        said = ". ".join(filter(None, [cause.args[0], cause.hint]))
        return f"The database's user has not the rights for this: {said}"
    return None


def _cause(error: BaseException) -> BaseException | None:
    """Give what asyncpg raised, under what SQLAlchemy has made of it."""
    if isinstance(error, DBAPIError):
        return error.orig.__cause__ or error.orig if error.orig else None
    return error


def driver_url(url: str) -> URL:
    """Give the address for SQLAlchemy, whichever way the operator wrote the scheme."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def asyncpg_arguments(url: str) -> dict[str, Any]:
    """Give the address as asyncpg's own arguments, sockets included."""
    parsed = make_url(url)
    return {
        "user": parsed.username,
        "password": parsed.password,
        "database": parsed.database,
        "host": parsed.query.get("host") or parsed.host,
        "port": int(str(parsed.query.get("port") or parsed.port or 5432)),
    }
