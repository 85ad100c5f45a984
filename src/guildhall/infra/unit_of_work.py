"""The unit of work: one request, one task step or one batch of events is one transaction.

This file is the only one in the house that commits (a test over the source sees to it).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from asgi_correlation_id import correlation_id
from redis.asyncio import Redis
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, SessionTransaction

from guildhall.infra import outbox
from guildhall.infra.cache import Cache
from guildhall.infra.database import MEMBER_SETTING, WHOLE_HALL
from guildhall.kernel.clock import Clock
from guildhall.kernel.events import Event

__all__ = ["UnitOfWork", "UnitsOfWork"]

log = structlog.get_logger()

NO_DELAY = timedelta()
OTHERWISE_DELAY = timedelta(seconds=2)
TELL_MEMBER = text(f"SELECT set_config('{MEMBER_SETTING}', :member, true)")
READ_AS_MEMBER = text(
    "SELECT set_config('transaction_read_only', 'on', true),"
    f" set_config('{MEMBER_SETTING}', :member, true)"
)


def _tell(reach: str, _: Session, __: SessionTransaction, connection: Connection) -> None:
    """Say whose rows a transaction that has just begun may see."""
    connection.execute(TELL_MEMBER, {"member": reach})


class UnitOfWork:
    """A session, the time, and what will be told when it ends.

    `now` is one instant for everything done inside. `redis` and `cache` are for reading, for
    `after_commit`, and for what may come true although the unit fails (a handler that publishes
    versioned entries); no other network is awaited inside a unit of work.
    """

    def __init__(
        self, session: AsyncSession, now: datetime, redis: Redis, cache: Cache, reach: str
    ) -> None:
        self.session = session
        self.now = now
        self.redis = redis
        self.cache = cache
        self.followed: set[str] = set()
        """Readers that were told something, and for whom who opened this unit claims by itself."""
        self._reach = reach
        self._told: list[outbox.Told] = []
        self._afterwards: list[tuple[Callable[[], Awaitable[None]], Event | None]] = []

    def emit(self, *events: Event) -> None:
        """Remember events; they reach the outbox in this transaction, as its last rows."""
        self._told.extend(outbox.Told(event, NO_DELAY) for event in events)

    async def see_all(self) -> None:
        """See and change the rows of all members from now on.

        For what somebody may do with another member's things: whoever calls this decides who.
        """
        if self._reach != WHOLE_HALL:
            self._reach = WHOLE_HALL
            await self.session.execute(TELL_MEMBER, {"member": WHOLE_HALL})

    def after_commit(
        self, act: Callable[[], Awaitable[None]], *, otherwise: Event | None = None
    ) -> None:
        """Do something at once, once the change is durable.

        If the act fails, that is logged; if the process dies, nobody does it. What must happen
        all the same has an event, `otherwise`, that is delivered two seconds later unless the act
        is known to have been done.
        """
        self._afterwards.append((act, otherwise))
        if otherwise is not None:
            self._told.append(outbox.Told(otherwise, OTHERWISE_DELAY))


class UnitsOfWork:
    """Opens units of work on one database. Knows the readers, so that `emit` can address them."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        clock: Clock,
        readers: outbox.Readers,
        redis: Redis,
        cache: Cache,
        reach: str,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._readers = readers
        self._redis = redis
        self._cache = cache
        self._reach = reach  # What a connection sees that was told nothing.
        # Events that stood by for acts that were done. The next unit of work that tells something
        # withdraws them; if none does in time, or it fails, they are delivered, which is harmless.
        self._needless: list[UUID] = []

    @asynccontextmanager
    async def write(
        self, *, member: UUID | None = None, follow: Collection[str] = ()
    ) -> AsyncIterator[UnitOfWork]:
        """Open a transaction that is committed at the end of the block, or not at all.

        It sees and changes the rows of that member only; without one, those of the whole hall.
        The relay is not rung for the readers in `follow`; afterwards `followed` has those of them
        that were told something, and whoever opened the unit sees to them.
        """
        async with self._sessions() as session:
            uow = self._unit(session, member)
            if uow._reach != self._reach:
                # With the first statement, not before: until then no connection is held.
                event.listen(session.sync_session, "after_begin", partial(_tell, uow._reach))
            try:
                yield uow
                await session.flush()
                if uow._told:
                    withdrawn, self._needless = self._needless, []
                    uow.followed = await outbox.append(
                        session,
                        uow._told,
                        self._readers,
                        now=uow.now,
                        correlation_id=correlation_id.get(),
                        withdrawn=withdrawn,
                        followed=follow,
                    )
                await session.commit()
            except BaseException:
                await session.rollback()
                raise
        await self._afterwards(uow)

    async def _afterwards(self, uow: UnitOfWork) -> None:
        for act, otherwise in uow._afterwards:
            try:
                await act()
            except Exception:
                log.warning("after_commit_failed", exc_info=True)
            else:
                if otherwise is not None:
                    self._needless.append(otherwise.event_id)

    @asynccontextmanager
    async def read(
        self, *, member: UUID | None = None, one_snapshot: bool = False
    ) -> AsyncIterator[UnitOfWork]:
        """Open a READ ONLY transaction; emitting in it is a defect.

        It sees the rows of that member only; without one, those of the whole hall. With
        `one_snapshot` all its statements see the same instant.
        """
        async with self._sessions() as session:
            uow = self._unit(session, member)
            if one_snapshot:
                await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            await session.execute(READ_AS_MEMBER, {"member": uow._reach})
            yield uow
            # Nothing to keep; but a rollback would expire what was read.
            await session.commit()

    def _unit(self, session: AsyncSession, member: UUID | None) -> UnitOfWork:
        reach = WHOLE_HALL if member is None else str(member)
        return UnitOfWork(session, self._clock.now(), self._redis, self._cache, reach)
