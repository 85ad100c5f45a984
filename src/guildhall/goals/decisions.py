"""A member's yes or no to what was proposed. A yes is done once, by the member's own rights, as if
they had done it themselves; whether it still can be is looked at then."""

from __future__ import annotations

from uuid import UUID

from guildhall.goals import conversations, reports, repository, rescheduling, service
from guildhall.goals.changes import CHANGE, Change, MoveTask, NewDays, NewGoal, TaskOutcome
from guildhall.goals.errors import (
    ProposalDecided,
    ProposalExpired,
    ProposalNotFound,
    ProposalStale,
)
from guildhall.goals.frames import Decision
from guildhall.goals.models import Conversation, ConversationProposal
from guildhall.goals.outcomes import Outcome
from guildhall.goals.schemas import GoalIn
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.errors import Conflict, Invalid, NotFound, Refusal
from guildhall.kernel.member import Member

__all__ = ["change_of", "confirm", "decline"]


class _CannotBe(Exception):
    """A change was refused: what it had begun is taken back."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


async def change_of(
    units: UnitsOfWork, who: Member, conversation_id: UUID, proposal_id: UUID
) -> Change:
    """Give what a proposal would change. Raises ProposalNotFound."""
    async with units.read(member=who.id) as uow:
        found = await uow.session.get(ConversationProposal, (who.id, proposal_id))
        if found is None or found.conversation_id != conversation_id:
            raise ProposalNotFound
        return CHANGE.validate_python(found.change)


async def confirm(
    units: UnitsOfWork, who: Member, conversation_id: UUID, proposal_id: UUID
) -> None:
    """Do what was proposed, and say so in the conversation; or say there why it cannot be done.

    Raises ProposalNotFound, ProposalDecided or ProposalExpired.
    """
    try:
        async with units.write(member=who.id) as uow:
            conversation, proposal = await _open(uow, who, conversation_id, proposal_id)
            decision = Decision(proposal_id=proposal_id, state="confirmed", at=uow.now)
            try:
                await _do(uow, who, CHANGE.validate_python(proposal.change), decision)
            except (Conflict, Invalid, NotFound) as refusal:
                raise _CannotBe(refusal) from refusal
            _decided(uow, conversation, proposal, decision)
    except _CannotBe as cannot:
        async with units.write(member=who.id) as uow:
            conversation, proposal = await _open(uow, who, conversation_id, proposal_id)
            refused = Decision(
                proposal_id=proposal_id,
                state="refused",
                error=cannot.refusal.code,
                detail=cannot.refusal.detail,
                at=uow.now,
            )
            _decided(uow, conversation, proposal, refused)


async def decline(
    units: UnitsOfWork, who: Member, conversation_id: UUID, proposal_id: UUID
) -> None:
    """Turn a proposal down. Raises ProposalNotFound, ProposalDecided or ProposalExpired."""
    async with units.write(member=who.id) as uow:
        conversation, proposal = await _open(uow, who, conversation_id, proposal_id)
        decision = Decision(proposal_id=proposal_id, state="declined", at=uow.now)
        _decided(uow, conversation, proposal, decision)


async def _open(
    uow: UnitOfWork, who: Member, conversation_id: UUID, proposal_id: UUID
) -> tuple[Conversation, ConversationProposal]:
    """Give a proposal that waits for an answer, with its conversation; both are locked."""
    conversation = await conversations.held(uow, who.id, conversation_id)
    proposal = await uow.session.get(
        ConversationProposal, (who.id, proposal_id), with_for_update=True, populate_existing=True
    )
    if proposal is None or proposal.conversation_id != conversation_id:
        raise ProposalNotFound
    if proposal.state != "open":
        raise ProposalDecided(state=proposal.state)
    if proposal.expires_at <= uow.now:
        raise ProposalExpired
    return conversation, proposal


def _decided(
    uow: UnitOfWork,
    conversation: Conversation,
    proposal: ConversationProposal,
    decision: Decision,
) -> None:
    proposal.state, proposal.decided_at = decision.state, uow.now
    conversations.append(uow, conversation, decision)


async def _do(uow: UnitOfWork, who: Member, change: Change, decision: Decision) -> None:
    match change:
        case NewGoal():
            body = GoalIn.model_validate(change.model_dump(exclude={"kind"}))
            decision.goal_id = (await service.create(uow, who, body)).id
        case MoveTask():
            # As in PATCH /tasks: the goal first, then the task; here only the look ahead.
            if (await repository.task(uow, who.id, change.task_id)).scheduled_on != change.was_on:
                raise ProposalStale
            task = await reports.change(uow, who, change.task_id, Outcome(scheduled_on=change.to))
            decision.task_ids = [task.id]
        case TaskOutcome():
            if (await repository.task(uow, who.id, change.task_id)).status != change.was:
                raise ProposalStale
            task = await reports.change(uow, who, change.task_id, Outcome(change.status))
            decision.task_ids = [task.id]
        case NewDays():
            await rescheduling.accept(uow, who.id, change.rescheduling_id)
            decision.task_ids = [move.task_id for move in change.moves]
