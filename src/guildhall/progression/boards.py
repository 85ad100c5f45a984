"""Leaderboards in Redis: one sorted set for each board and period.

The truth is `board_entries`; Redis ranks it. An entry's member is the instant its score was
reached and the subject's id, its score the negative XP: ascending order is then XP descending,
who got there first, id; one order, made by Redis itself, for lists, neighbours and ranks alike.

Writes carry the entry's version and absolute XP, so they may come late, twice or out of order,
and a rebuild may run beside them: whatever is newest stays. `boards:ready` says that everything is
there; only a finished rebuild sets it, so after a wipe boards are read from PostgreSQL until they
have been filled again. It names the server's run: `watch_boards` removes it after a restart, and
until then, five seconds at most, Redis's own copy is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import select, text

from guildhall.identity import usernames
from guildhall.infra.cache import Cache
from guildhall.infra.streams import tell_hall
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.ids import new_id
from guildhall.progression import repository, rules
from guildhall.progression.models import Domain

__all__ = [
    "READY",
    "Entry",
    "Line",
    "Neighbourhood",
    "domains",
    "entries_of",
    "entry_of",
    "fill_if_missing",
    "keep_until",
    "keys_of",
    "member_of",
    "names_of",
    "neighbours",
    "publish",
    "rank_systems",
    "show",
    "still_ready",
    "top",
]

READY = "boards:ready"
LIVE_EVENT = "boards"
"""What streams hear when boards have moved; its data are their names, also as `boards`."""
MEMBER_BYTES = 24
DIRECTORY_TTL_SECONDS = 60
NAME_TTL_SECONDS = 600
KEEP_AFTER_END = timedelta(days=3)
MOST_PER_CALL = 1000

PUBLISH = """
for i = 2, #ARGV, 4 do
    local subject, version, member = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
    local known = redis.call('HGET', KEYS[2], subject)
    if not known or tonumber(string.sub(known, 25)) < version then
        if known then redis.call('ZREM', KEYS[1], string.sub(known, 1, 24)) end
        if member ~= '' then redis.call('ZADD', KEYS[1], ARGV[i + 3], member)
        else member = string.rep('-', 24) end
        redis.call('HSET', KEYS[2], subject, member .. ARGV[i + 1])
    end
end
if ARGV[1] ~= '0' then
    redis.call('EXPIREAT', KEYS[1], ARGV[1])
    redis.call('EXPIREAT', KEYS[2], ARGV[1])
end
"""

TOP = """
if redis.call('EXISTS', KEYS[2]) == 0 then return false end
local start = 0
if ARGV[2] ~= '' then
    if redis.call('ZSCORE', KEYS[1], ARGV[2]) == ARGV[3] then
        start = redis.call('ZRANK', KEYS[1], ARGV[2]) + 1
    else
        start = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[3])
    end
end
return {start, redis.call('ZRANGE', KEYS[1], start, start + ARGV[1] - 1, 'WITHSCORES')}
"""

NEIGHBOURS = """
if redis.call('EXISTS', KEYS[3]) == 0 then return false end
local known = redis.call('HGET', KEYS[2], ARGV[1])
local rank = known and redis.call('ZRANK', KEYS[1], string.sub(known, 1, 24))
local members = redis.call('ZCARD', KEYS[1])
if not rank then return {-1, members, 0, {}} end
local from = math.max(0, rank - ARGV[2])
return {rank, members, from, redis.call('ZRANGE', KEYS[1], from, rank + ARGV[2], 'WITHSCORES')}
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A subject's entry as it stands in the database."""

    shown: bool
    subject_id: UUID
    board: str
    period: str
    xp: int
    reached_at: datetime
    version: int

    @property
    def member(self) -> bytes:
        """Give its member in the sorted set, or nothing if it is not to be seen."""
        return member_of(self.reached_at, self.subject_id) if self.shown and self.xp > 0 else b""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a board, as it is shown."""

    rank: int
    subject_id: UUID
    xp: int
    reached_at: datetime


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Where one subject stands, and who stands around; `mine` is None for who is not on it."""

    mine: Line | None
    members: int
    lines: Sequence[Line]


def member_of(reached_at: datetime, subject_id: UUID) -> bytes:
    """Pack the order among equals: microseconds since 1970, big-endian, then the id."""
    return _micros(reached_at).to_bytes(8, "big") + subject_id.bytes


def keys_of(board: str, period: str) -> tuple[str, str]:
    """Give the keys of a board's sorted set and of its members by subject."""
    return f"board:{board}:{period}", f"board:{board}:{period}:members"


async def publish(redis: Redis, entries: Iterable[Entry]) -> None:
    """Write entries to Redis, each unless a newer version is there; tell who looks at a board."""
    boards: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        boards[entry.board, entry.period].append(entry)
    if not boards:
        return
    script = redis.register_script(PUBLISH)
    pipe = redis.pipeline(transaction=False)
    for (board, period), theirs in boards.items():
        for start in range(0, len(theirs), MOST_PER_CALL):
            arguments: list[bytes | int] = [keep_until(period)]
            for entry in theirs[start : start + MOST_PER_CALL]:
                arguments += (entry.subject_id.bytes, entry.version, entry.member, -entry.xp)
            await script(keys_of(board, period), arguments, client=pipe)
    tell_hall(pipe, LIVE_EVENT, {board for board, _ in boards})
    await pipe.execute()


async def top(
    redis: Redis, board: str, period: str, limit: int, after: tuple[int, bytes] | None = None
) -> list[Line] | None:
    """Read a page of a board after a position; None while Redis does not have it all."""
    xp, member = after or (0, b"")
    read = await redis.register_script(TOP)(
        [keys_of(board, period)[0], READY], [limit, member, -xp]
    )
    if read is None:
        return None
    start, pairs = read
    return _lines(start, pairs)


async def neighbours(
    redis: Redis, board: str, period: str, subject_id: UUID, around: int
) -> Neighbourhood | None:
    """Read where a subject stands and who stands around; None while Redis does not have it all."""
    read = await redis.register_script(NEIGHBOURS)(
        [*keys_of(board, period), READY], [subject_id.bytes, around]
    )
    if read is None:
        return None
    rank, members, start, pairs = read
    lines = _lines(start, pairs)
    mine = lines[rank - start] if rank >= 0 else None
    return Neighbourhood(mine, members, lines)


async def names_of(
    cache: Cache, units: UnitsOfWork, subject_ids: Sequence[str]
) -> Mapping[str, str]:
    """Give members' names by id, for lists that come from Redis."""

    async def load(missing: Sequence[str]) -> dict[str, str]:
        async with units.read() as uow:
            found = await usernames(uow, map(UUID, missing))
        return {str(id_): name for id_, name in found.items()}

    return await cache.get_many("username", subject_ids, load, ttl_seconds=NAME_TTL_SECONDS)


async def domains(uow: UnitOfWork) -> Mapping[str, str]:
    """Give the names of the domains, which are also boards, by slug."""

    async def load() -> dict[str, str]:
        rows = await uow.session.execute(select(Domain.slug, Domain.name).order_by(Domain.name))
        return {row.slug: row.name for row in rows}

    known: Mapping[str, str] = await uow.cache.get(
        "domains", load, ttl_seconds=DIRECTORY_TTL_SECONDS
    )
    return known


async def rank_systems(uow: UnitOfWork) -> Mapping[str, Mapping[str, int]]:
    """Give the rank thresholds of the domains, by slug."""

    async def load() -> Mapping[str, Mapping[str, int]]:
        return await repository.rank_systems(uow)

    known: Mapping[str, Mapping[str, int]] = await uow.cache.get(
        "rank-systems", load, ttl_seconds=DIRECTORY_TTL_SECONDS
    )
    return known


ENTRIES_OF = text("""
SELECT p.on_leaderboards, b.subject_id, b.board, b.period, b.xp, b.reached_at, b.version
FROM board_entries b JOIN subject_progress p USING (subject_id)
WHERE b.subject_id = ANY(:subject_ids) AND b.period = ANY(:periods)
""")


async def entries_of(
    uow: UnitOfWork, subject_ids: Sequence[UUID], periods: Sequence[str]
) -> list[Entry]:
    """Read subjects' entries in some periods."""
    rows = await uow.session.execute(
        ENTRIES_OF, {"subject_ids": list(subject_ids), "periods": list(periods)}
    )
    return [Entry(*row) for row in rows]


def entry_of(row: Sequence[Any], shown: bool) -> Entry:
    """Make an entry of a row with all columns of an entry, in their order."""
    return Entry(shown, *row)


async def show(uow: UnitOfWork, subject_id: UUID, shown: bool) -> list[Entry]:
    """Put a subject onto the boards or off them; give its entries, with new versions."""
    await uow.session.execute(
        text("UPDATE subject_progress SET on_leaderboards = :shown WHERE subject_id = :id"),
        {"shown": shown, "id": subject_id},
    )
    rows = await uow.session.execute(
        text(
            "UPDATE board_entries SET version = version + 1 WHERE subject_id = :id"
            " RETURNING subject_id, board, period, xp, reached_at, version"
        ),
        {"id": subject_id},
    )
    return [entry_of(row, shown) for row in rows]


RANKED = """
SELECT row_number() OVER (ORDER BY b.xp DESC, b.reached_at, b.subject_id) AS rank,
       b.subject_id, b.xp, b.reached_at
FROM board_entries b JOIN subject_progress p USING (subject_id)
WHERE b.board = :board AND b.period = :period AND b.xp > 0 AND p.on_leaderboards
"""


async def top_from_database(
    uow: UnitOfWork, board: str, period: str, limit: int, after: tuple[int, bytes] | None
) -> list[Line]:
    """Do what `top` does, slowly, while Redis is being filled."""
    xp, member = after or (1 << 62, b"\0" * MEMBER_BYTES)
    rows = await uow.session.execute(
        text(
            f"SELECT * FROM ({RANKED}) AS ranked"
            " WHERE (-xp, reached_at, subject_id) > (:xp, :reached_at, :subject_id)"
            " ORDER BY rank LIMIT :limit"
        ),
        {
            "board": board,
            "period": period,
            "limit": limit,
            "xp": -xp,
            "reached_at": _instant(member[:8]),
            "subject_id": UUID(bytes=member[8:]),
        },
    )
    return [Line(*row) for row in rows]


async def neighbours_from_database(
    uow: UnitOfWork, board: str, period: str, subject_id: UUID, around: int
) -> Neighbourhood:
    """Do what `neighbours` does, slowly, while Redis is being filled."""
    rows = await uow.session.execute(
        text(
            f"WITH ranked AS MATERIALIZED ({RANKED}),"
            " mine AS (SELECT rank FROM ranked WHERE subject_id = :subject_id)"
            " SELECT r.*, (SELECT count(*) FROM ranked) AS members FROM ranked r, mine"
            " WHERE r.rank BETWEEN mine.rank - :around AND mine.rank + :around ORDER BY r.rank"
        ),
        {"board": board, "period": period, "subject_id": subject_id, "around": around},
    )
    found = rows.all()
    lines = [Line(row.rank, row.subject_id, row.xp, row.reached_at) for row in found]
    mine = next((line for line in lines if line.subject_id == subject_id), None)
    if mine is None:
        members = await uow.session.scalar(
            text(f"SELECT count(*) FROM ({RANKED}) AS ranked"), {"board": board, "period": period}
        )
        return Neighbourhood(None, members or 0, [])
    return Neighbourhood(mine, found[0].members, lines)


async def run_of(redis: Redis) -> str:
    """Give the id of the server's run: another one after every restart."""
    info = await redis.info("server")
    return str(info["run_id"])


async def is_ready(redis: Redis) -> bool:
    """Tell whether Redis has every board, filled during its present run."""
    ready = await redis.get(READY)
    return ready == (await run_of(redis)).encode()


# What another run has filled is not deleted once this one has.
TRUST = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
redis.call('DEL', KEYS[1])
return 0
"""


async def still_ready(redis: Redis) -> bool:
    """Tell what `is_ready` does; if they are not, have nobody read what Redis has of them."""
    run = await run_of(redis)
    return bool(await redis.register_script(TRUST)([READY], [run]))


async def fill_if_missing(units: UnitsOfWork, redis: Redis, now: datetime) -> None:
    """Fill the boards if Redis does not have them, as in a hall that was stopped."""
    if not await is_ready(redis):
        await rebuild(units, redis, now)


PAGE = text("""
SELECT p.on_leaderboards, b.subject_id, b.board, b.period, b.xp, b.reached_at, b.version
FROM board_entries b JOIN subject_progress p USING (subject_id)
WHERE b.subject_id > :after AND b.period = ANY(:periods)
ORDER BY b.subject_id LIMIT :limit
""")

BUILDING = "boards:building"
"""Which rebuild is under way: the latest to begin. Only that one takes away, or says it is done."""

# A board's two keys go at one instant: an award between them would be known without being ranked.
CLEAR = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[2], KEYS[3])
return 1
"""

# Only if nothing was wiped and the server was not restarted since the rebuild began.
FINISH = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1
"""


async def rebuild(units: UnitsOfWork, redis: Redis, now: datetime) -> int:
    """Fill every current board from the database, while awards go on; give the entries written.

    Gives -1 if Redis lost something meanwhile, or another rebuild began: that one, or the next,
    starts afresh.
    """
    attempt, run = str(new_id()), await run_of(redis)
    await redis.set(BUILDING, attempt)
    await redis.delete(READY)
    clear = redis.register_script(CLEAR)
    async for key in redis.scan_iter("board:*", count=1000):
        _, board, period = key.decode().split(":")[:3]
        if not await clear([BUILDING, *keys_of(board, period)], [attempt]):
            return -1
    periods = sorted(set(rules.periods_at(now).values()))
    written, after = 0, UUID(int=0)
    while True:
        async with units.read() as uow:
            rows = (
                await uow.session.execute(
                    PAGE, {"after": after, "periods": periods, "limit": 20_000}
                )
            ).all()
        # A subject's entries may be cut by the page: the last one is read again with the next.
        last = rows[-1].subject_id if rows else None
        whole = rows if len(rows) < 20_000 else [r for r in rows if r.subject_id != last]
        await publish(redis, (Entry(*row) for row in whole))
        written += len(whole)
        if len(rows) < 20_000:
            break
        after = whole[-1].subject_id
    if await run_of(redis) != run:
        return -1
    finished = await redis.register_script(FINISH)([READY, BUILDING], [attempt, run])
    return written if finished else -1


def keep_until(period: str) -> int:
    """Give the Unix time after which a period's keys may go from Redis; 0 for never."""
    if period == "all":
        return 0
    if "-Q" in period:
        ends = rules.season_bounds(period)[1]
    elif "-W" in period:
        year, week = period.split("-W")
        ends = datetime.fromisocalendar(int(year), int(week), 7).replace(tzinfo=UTC)
        ends += timedelta(days=1)
    else:
        ends = datetime.fromisoformat(period).replace(tzinfo=UTC) + timedelta(days=1)
    return int((ends + KEEP_AFTER_END).timestamp())


def _lines(start: int, pairs: Sequence[Any]) -> list[Line]:
    """Read what ZRANGE WITHSCORES gave, in RESP2 (flat) form."""
    return [
        Line(
            rank=start + position + 1,
            subject_id=UUID(bytes=member[8:]),
            xp=-int(float(score)),
            reached_at=_instant(member[:8]),
        )
        for position, (member, score) in enumerate(zip(pairs[::2], pairs[1::2], strict=True))
    ]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def _micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _instant(packed: bytes) -> datetime:
    return EPOCH + int.from_bytes(packed, "big") * MICROSECOND
