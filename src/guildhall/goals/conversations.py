"""Conversations as they are kept: entries counted up without gaps, one answer at a time.

Whatever changes one holds its row, so that a number is given once. Who listens is told over Redis
that there is something new, and reads it here: what is lost there is not lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select, text

from guildhall.goals.errors import AnswerUnderWay, ConversationNotFound, NothingUnderWay
from guildhall.goals.frames import Entry, Interrupted, MemberMessage, Say
from guildhall.goals.models import Conversation, ConversationEntry
from guildhall.infra import tasks
from guildhall.infra.streams import tell_member
from guildhall.infra.tasks import Priority
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id

__all__ = [
    "CONVERSE_TASK",
    "LIVE_EVENT",
    "append",
    "conversation_of",
    "entries",
    "held",
    "lines_before",
    "say",
    "settle_lost",
    "stop",
    "wait_no_longer",
]

CONVERSE_TASK = "goals.converse"
LIVE_EVENT = "conversation"
"""What streams hear when there is a new entry; its data are `conversation_id` and `seq`."""
ANSWERED_WITHIN = timedelta(minutes=4)
"""More than an answer takes, and one more after a worker was killed at it."""
KINDS = {"member": "said", "hall": "answered", "interrupted": "interrupted", "decision": "decided"}

TALK_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('talk:' || :user_id, 0))")


async def conversation_of(uow: UnitOfWork, user_id: UUID, conversation_id: UUID) -> Conversation:
    """Give a member's conversation. Raises ConversationNotFound."""
    found = await uow.session.get(Conversation, (user_id, conversation_id))
    if found is None:
        raise ConversationNotFound
    return found


async def held(uow: UnitOfWork, user_id: UUID, conversation_id: UUID) -> Conversation:
    """Give a member's conversation, locked. Raises ConversationNotFound."""
    found = await uow.session.get(
        Conversation, (user_id, conversation_id), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise ConversationNotFound
    return found


async def entries(
    uow: UnitOfWork, user_id: UUID, conversation_id: UUID, after_seq: int, limit: int
) -> Sequence[ConversationEntry]:
    """Give what came after an entry, in order."""
    return (
        await uow.session.scalars(
            select(ConversationEntry)
            .where(
                ConversationEntry.user_id == user_id,
                ConversationEntry.conversation_id == conversation_id,
                ConversationEntry.seq > after_seq,
            )
            .order_by(ConversationEntry.seq)
            .limit(limit)
        )
    ).all()


async def lines_before(
    uow: UnitOfWork, user_id: UUID, conversation_id: UUID, seq: int, limit: int
) -> list[ConversationEntry]:
    """Give the last that both have said before an entry, oldest first."""
    found = await uow.session.scalars(
        select(ConversationEntry)
        .where(
            ConversationEntry.user_id == user_id,
            ConversationEntry.conversation_id == conversation_id,
            ConversationEntry.seq < seq,
            ConversationEntry.kind.in_(("said", "answered")),
        )
        .order_by(ConversationEntry.seq.desc())
        .limit(limit)
    )
    return list(reversed(found.all()))


async def say(
    uow: UnitOfWork, user_id: UUID, conversation_id: UUID | None, said: Say
) -> tuple[Conversation, int]:
    """Take down what a member says, have it answered in the background, and give its number.

    Without a conversation a new one begins. What was said under the same client_id before is given
    as it stands. Raises AnswerUnderWay.
    """
    # Of two connections that say the same at once, one finds what the other has said.
    await uow.session.execute(TALK_LOCK, {"user_id": str(user_id)})
    if said.client_id is not None:
        known = await uow.session.scalar(
            select(ConversationEntry).where(
                ConversationEntry.user_id == user_id,
                ConversationEntry.client_id == said.client_id,
            )
        )
        if known is not None:
            return await conversation_of(uow, user_id, known.conversation_id), known.seq
    if conversation_id is None:
        conversation = Conversation(
            user_id=user_id, id=new_id(), last_seq=0, created_at=uow.now, updated_at=uow.now
        )
        uow.session.add(conversation)
        await uow.session.flush()
    else:
        conversation = await held(uow, user_id, conversation_id)
        settle_lost(uow, conversation)
    if conversation.answering is not None:
        raise AnswerUnderWay
    seq = append(
        uow,
        conversation,
        MemberMessage(text=said.text, client_id=said.client_id, at=uow.now),
    )
    conversation.answering, conversation.answering_seq = new_id(), seq
    conversation.answer_until = uow.now + ANSWERED_WITHIN
    await tasks.start(
        uow,
        CONVERSE_TASK,
        {
            "user_id": str(user_id),
            "conversation_id": str(conversation.id),
            "seq": seq,
            "request_id": str(conversation.answering),
        },
        queue="ai",
        priority=Priority.HIGH,  # Somebody is waiting for it; nobody looks on while plans are made.
        max_attempts=3,
        requested_by=user_id,
        once=f"{CONVERSE_TASK}:{conversation.answering}",
    )
    return conversation, seq


def append(uow: UnitOfWork, conversation: Conversation, entry: Entry) -> int:
    """Add an entry to a conversation that is held, and give its number."""
    conversation.last_seq += 1
    conversation.updated_at = uow.now
    entry.seq = conversation.last_seq
    uow.session.add(
        ConversationEntry(
            user_id=conversation.user_id,
            conversation_id=conversation.id,
            seq=entry.seq,
            kind=KINDS[getattr(entry, "by", entry.type)],
            client_id=getattr(entry, "client_id", None),
            frame=entry.model_dump(mode="json"),
            created_at=uow.now,
        )
    )
    user_id, news = (
        conversation.user_id,
        {
            "conversation_id": str(conversation.id),
            "seq": entry.seq,
        },
    )
    uow.after_commit(lambda: tell_member(uow.redis, user_id, LIVE_EVENT, news))
    return entry.seq


async def stop(uow: UnitOfWork, user_id: UUID, conversation_id: UUID) -> None:
    """Wait no longer for the answer under way. Raises NothingUnderWay."""
    conversation = await held(uow, user_id, conversation_id)
    if conversation.answering is None:
        raise NothingUnderWay
    _interrupt(uow, conversation, "stopped")


def settle_lost(uow: UnitOfWork, conversation: Conversation) -> bool:
    """Say in a conversation that is held that an answer does not come any more, if it took too
    long; tell whether it was so."""
    if conversation.answer_until is None or conversation.answer_until > uow.now:
        return False
    _interrupt(uow, conversation, "lost")
    return True


def _interrupt(
    uow: UnitOfWork, conversation: Conversation, reason: Literal["stopped", "lost"]
) -> None:
    assert conversation.answering_seq is not None
    append(
        uow,
        conversation,
        Interrupted(answers=conversation.answering_seq, reason=reason, at=uow.now),
    )
    wait_no_longer(conversation)


def wait_no_longer(conversation: Conversation) -> None:
    """Note that no answer is under way any more."""
    conversation.answering = conversation.answering_seq = conversation.answer_until = None
