"""The typical implementation: FastAPI, SQLAlchemy and one Celery task per attempt.

Written as one finds it in tutorials and at work, and kindly: it neither signs in nor limits, its
worker keeps one event loop and one pool for life (many open both per task), and logs stay quiet.
What it lacks is what it costs nothing for: a crash between commit and `delay` loses the award.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import redis
from celery import Celery
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import BigInteger, ForeignKey, select, update
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["BOARD", "QUEUE", "TASK", "Attempt", "Base", "Challenge", "User", "api", "app"]

BOARD = "typical:leaderboard"
QUEUE = "typical"
TASK = "typical.award"

engine = create_async_engine(
    os.environ.get("TYPICAL_DATABASE_URL", "postgresql+asyncpg://"), pool_size=20, max_overflow=30
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
board = redis.Redis.from_url(os.environ.get("TYPICAL_REDIS_URL", "redis://"))
app = Celery("typical", broker=os.environ.get("BROKER_URL", "redis://"))
app.conf.update(task_default_queue=QUEUE, task_ignore_result=True)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    username: Mapped[str]
    total_xp: Mapped[int] = mapped_column(default=0)


class Challenge(Base):
    __tablename__ = "challenges"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    title: Mapped[str]
    flag: Mapped[str]
    xp: Mapped[int]


class Attempt(Base):
    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), index=True)
    status: Mapped[str]
    answer: Mapped[str | None]
    score: Mapped[int | None]


class XpEvent(Base):
    __tablename__ = "xp_events"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), unique=True)
    amount: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(
        default=lambda: datetime.now(UTC).replace(tzinfo=None)
    )


class Submission(BaseModel):
    answer: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


api = FastAPI(lifespan=lifespan)


@api.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@api.post("/attempts/{attempt_id}/submit", status_code=202)
async def submit(attempt_id: int, body: Submission) -> dict[str, Any]:
    async with sessions() as session:
        attempt = await session.get(Attempt, attempt_id)
        if attempt is None or attempt.status != "started":
            raise HTTPException(409)
        attempt.status = "submitted"
        attempt.answer = body.answer
        await session.commit()
    award.delay(attempt_id)
    return {"id": attempt_id, "status": "submitted"}


async def _award(attempt_id: int) -> None:
    async with sessions() as session:
        attempt = await session.get_one(Attempt, attempt_id)
        if attempt.status != "submitted":
            return
        challenge = await session.get_one(Challenge, attempt.challenge_id)
        passed = attempt.answer == challenge.flag
        attempt.status = "passed" if passed else "failed"
        attempt.score = 100 if passed else 0
        if passed:
            session.add(
                XpEvent(user_id=attempt.user_id, attempt_id=attempt.id, amount=challenge.xp)
            )
            await session.execute(
                update(User)
                .where(User.id == attempt.user_id)
                .values(total_xp=User.total_xp + challenge.xp)
            )
        await session.commit()
        total = await session.scalar(select(User.total_xp).where(User.id == attempt.user_id))
    board.zadd(BOARD, {str(attempt.user_id): total})


@app.task(name=TASK)
def award(attempt_id: int) -> None:
    _run(_award(attempt_id))


_loops: dict[int, asyncio.AbstractEventLoop] = {}


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    loop = _loops.get(os.getpid())
    if loop is None:
        loop = _loops[os.getpid()] = asyncio.new_event_loop()
    loop.run_until_complete(coroutine)
