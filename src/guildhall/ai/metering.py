"""The meter of a turn: each call is reserved before it is made, and paid for once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from uuid import UUID

from prometheus_client import Counter as Metric

from guildhall.ai import repository, turns
from guildhall.ai.budgets import Counter, counters_for
from guildhall.ai.errors import BudgetSpent
from guildhall.ai.models import Call as CallRow
from guildhall.ai.turns import Held
from guildhall.infra.llm import Call, FaultKind, Llm, Tokens
from guildhall.infra.settings import AiSettings
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import OPERATOR_ID

__all__ = ["LedgerMeter", "lose"]

SPENT = Metric("guildhall_ai_cost_micros_total", "Spent on models.", ["feature", "provider"])
REFUSED = Metric(
    "guildhall_ai_budget_refusals_total", "Calls that a budget stopped.", ["scope", "period"]
)
LOST = Metric("guildhall_ai_lost_calls_total", "Calls whose caller died.", ["feature"])

NOTHING = Tokens(0, 0)


class LedgerMeter:
    """Counts the calls of one turn in the ledger. `infra.llm.Meter` says what is asked of it.

    What a call took is written down with the next thing that is written: the next reservation, or
    the end of the turn. So an answer and the price of its last call are stored together or not at
    all.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        llm: Llm,
        settings: AiSettings,
        *,
        member: UUID | None,
        feature: str,
        seconds: float,
        turn: Held | None = None,
    ) -> None:
        self._units = units
        self._llm = llm
        self._settings = settings
        self._member = member
        self._owner_id = OPERATOR_ID if member is None else member
        self._feature = feature
        self._lease = timedelta(seconds=seconds) + turns.SLACK
        self._turn = turn
        self._calls: dict[UUID, Call] = {}
        self._took: dict[UUID, tuple[Tokens | None, FaultKind | None]] = {}
        self._paid: dict[UUID, int] = {}
        self.last_asked = ""
        """The provider of the latest call, whether it was allowed or not."""

    async def reserve(self, call: Call) -> UUID:
        """Count the most that a call can cost with every budget that it has to pass.

        Raises BudgetSpent if one of them has no room for it, TurnUnderWay if the turn is not the
        asker's any more. Either way nothing is reserved.
        """
        await self.flush()
        call_id = new_id()
        most_micros = self._llm.most_micros(call)
        self.last_asked = call.provider
        async with self._units.write() as uow:
            if self._turn is not None and self._turn.resumable:
                await turns.keep(uow, self._turn)
            day = uow.now.astimezone(UTC).date()
            counters = counters_for(
                self._settings, member=self._member, feature=self._feature, day=day
            )
            if full := await repository.count(uow, counters, most_micros):
                raise _spent(full, self._feature)
            uow.session.add(
                CallRow(
                    user_id=self._owner_id,
                    id=call_id,
                    turn_id=self._turn.id if self._turn else None,
                    feature=self._feature,
                    provider=call.provider,
                    model=call.model,
                    reserved_micros=most_micros,
                    day=day,
                    reserved_at=uow.now,
                    lease_until=uow.now + self._lease,
                )
            )
        self._calls[call_id] = call
        return call_id

    async def settle(self, call_id: UUID, tokens: Tokens | None, fault: FaultKind | None) -> None:
        """Take down what a call took; the first word counts."""
        if call_id in self._calls:
            self._took.setdefault(call_id, (tokens, fault))

    async def flush(self) -> None:
        """Write down what is taken down, each call in a unit of work of its own."""
        for call_id in [each for each in self._took if each not in self._paid]:
            async with self._units.write() as uow:
                await self._write(uow, call_id)
            self._forget(call_id)

    async def end(self, uow: UnitOfWork) -> None:
        """Write down the last call in the caller's unit of work. `abandon` is called after it."""
        for call_id in list(self._took):
            await self._write(uow, call_id)

    async def abandon(self) -> None:
        """Write down what is known, and give up what nobody will settle."""
        await self.flush()
        for call_id in list(self._paid):
            self._forget(call_id)
        for call_id in list(self._calls):
            await lose(
                self._units, self._settings, self._member, self._owner_id, call_id, self._feature
            )
            self._forget(call_id)

    async def _write(self, uow: UnitOfWork, call_id: UUID) -> None:
        call, (tokens, fault) = self._calls[call_id], self._took[call_id]
        cost = self._llm.price_micros(call.provider, call.model, tokens) if tokens else 0
        closed = await repository.settle_call(
            uow,
            self._owner_id,
            call_id,
            cost_micros=cost,
            tokens=tokens or NOTHING,
            fault=fault,
        )
        self._paid[call_id] = 0
        if closed is None:
            return
        counters = counters_for(
            self._settings,
            # Who was to have the answer does not pay for one that came too late.
            member=None if closed.was_lost else self._member,
            feature=self._feature,
            day=closed.day,
        )
        await repository.move(
            uow, counters, released_micros=closed.released_micros, spent_micros=cost
        )
        self._paid[call_id] = cost

    def _forget(self, call_id: UUID) -> None:
        """Have done with a call: what was written about it is committed."""
        call = self._calls.pop(call_id)
        self._took.pop(call_id, None)
        SPENT.labels(self._feature, call.provider).inc(self._paid.pop(call_id, 0))


async def lose(
    units: UnitsOfWork,
    settings: AiSettings,
    member: UUID | None,
    owner_id: UUID,
    call_id: UUID,
    feature: str,
) -> bool:
    """Give a call up for lost, and what it had reserved back; False if it was closed before."""
    async with units.write() as uow:
        closed = await repository.lose_call(uow, owner_id, call_id)
        if closed is None:
            return False
        counters = counters_for(settings, member=member, feature=feature, day=closed.day)
        await repository.move(uow, counters, released_micros=closed.released_micros, spent_micros=0)
    LOST.labels(feature).inc()
    return True


def _spent(full: Sequence[Counter], feature: str) -> BudgetSpent:
    """Name the budget that keeps its door shut for the longest."""
    last = max(full, key=lambda counter: (not counter.resets, counter.resets_at))
    REFUSED.labels(last.scope, last.kind).inc()
    return BudgetSpent(
        scope=last.scope,
        period=last.kind,
        feature=feature,
        resets_at=last.resets_at.isoformat() if last.resets else None,
    )
