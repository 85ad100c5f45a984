"""One connection of a member who talks with the hall: what they say, and what they are told.

What is told is read from the conversation, entry by entry; a connection knows only how far it has
come. So whoever comes back says how far they were, and hears exactly what they missed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

from pydantic import BaseModel, ValidationError

from guildhall.goals import conversations, decisions
from guildhall.goals.changes import NewGoal
from guildhall.goals.errors import ConversationNotFound
from guildhall.goals.frames import (
    SAID,
    TOLD,
    Confirm,
    ConversationFrame,
    Decline,
    ErrorFrame,
    Ping,
    PongFrame,
    Resume,
    Say,
    Stop,
)
from guildhall.infra.door import Door, Limit
from guildhall.infra.hall import Hall
from guildhall.infra.streams import LiveEvent, Reason, Stream
from guildhall.kernel.errors import Refusal

__all__ = ["MOST_MESSAGES", "Interaction"]

MOST_MESSAGES = 100
"""Of one connection; pings are not counted, and what cannot be understood is."""
ENTRIES_AT_ONCE = 50
GOALS_LIMIT = Limit("goals", 5)
"""The one of POST /goals: whichever way somebody sets goals, they are counted together."""


class Interaction:
    """A connection, as `infra.http.streams.discuss` talks with it."""

    def __init__(self, hall: Hall, door: Door, stream: Stream) -> None:
        self._hall = hall
        self._door = door
        self._stream = stream
        self._who = stream.member
        self._conversation_id: UUID | None = None
        self._seq = 0
        self._heard = 0

    async def hear(self, said: str | bytes) -> AsyncGenerator[BaseModel, None]:
        """Take what the member says, and give what they are told in answer."""
        frame = _read(said)
        if isinstance(frame, Ping):
            yield PongFrame()
            return
        self._heard += 1
        if self._heard > MOST_MESSAGES:
            self._stream.end(Reason.TOO_MANY)
            return
        if isinstance(frame, ErrorFrame):
            yield frame
            return
        try:
            if (begun := await self._take(frame)) is not None:
                yield begun
            async for entry in self._news():
                yield entry
        except Refusal as refusal:
            yield ErrorFrame(error=refusal.code, detail=refusal.detail)

    async def learn(self, event: LiveEvent | None) -> AsyncGenerator[BaseModel, None]:
        """Give what is new in the conversation, if an event says that there is something; without
        one, look."""
        if self._conversation_id is None:
            return
        if event is None:
            await self._settle_lost(self._conversation_id)
        elif event.name != conversations.LIVE_EVENT or (
            event.data["conversation_id"] != str(self._conversation_id)
            or event.data["seq"] <= self._seq
        ):
            return
        async for entry in self._news():
            yield entry

    async def _take(
        self, frame: Say | Confirm | Decline | Resume | Stop
    ) -> ConversationFrame | None:
        units, who = self._hall.units, self._who
        if isinstance(frame, Say):
            return await self._say(frame)
        if isinstance(frame, Resume):
            return await self._resume(frame)
        if self._conversation_id is None:
            raise ConversationNotFound("Resume a conversation first, or say something.")
        match frame:
            case Confirm():
                here = self._conversation_id
                change = await decisions.change_of(units, who, here, frame.proposal_id)
                if isinstance(change, NewGoal):
                    await self._door.count(GOALS_LIMIT, who.id)
                await decisions.confirm(units, who, here, frame.proposal_id)
            case Decline():
                await decisions.decline(units, who, self._conversation_id, frame.proposal_id)
            case Stop():
                async with units.write(member=who.id) as uow:
                    await conversations.stop(uow, who.id, self._conversation_id)
        return None

    async def _say(self, frame: Say) -> ConversationFrame | None:
        async with self._hall.units.write(member=self._who.id) as uow:
            conversation, seq = await conversations.say(
                uow, self._who.id, self._conversation_id, frame
            )
        # What was said before is told again from there, with its answer.
        self._seq = min(self._seq, seq - 1) if conversation.id == self._conversation_id else seq - 1
        if conversation.id == self._conversation_id:
            return None
        self._conversation_id = conversation.id
        return ConversationFrame(
            id=conversation.id,
            seq=conversation.last_seq,
            answering=conversation.answering is not None,
        )

    async def _resume(self, frame: Resume) -> ConversationFrame:
        await self._settle_lost(frame.conversation_id)
        async with self._hall.units.read(member=self._who.id) as uow:
            conversation = await conversations.conversation_of(
                uow, self._who.id, frame.conversation_id
            )
        self._conversation_id, self._seq = conversation.id, frame.after_seq
        return ConversationFrame(
            id=conversation.id,
            seq=conversation.last_seq,
            answering=conversation.answering is not None,
        )

    async def _settle_lost(self, conversation_id: UUID) -> None:
        async with self._hall.units.read(member=self._who.id) as uow:
            seen = await conversations.conversation_of(uow, self._who.id, conversation_id)
            if seen.answer_until is None or seen.answer_until > uow.now:
                return
        async with self._hall.units.write(member=self._who.id) as uow:
            conversation = await conversations.held(uow, self._who.id, conversation_id)
            conversations.settle_lost(uow, conversation)

    async def _news(self) -> AsyncGenerator[BaseModel, None]:
        if (conversation_id := self._conversation_id) is None:
            return
        while True:
            async with self._hall.units.read(member=self._who.id) as uow:
                found = await conversations.entries(
                    uow, self._who.id, conversation_id, self._seq, ENTRIES_AT_ONCE
                )
            for entry in found:
                yield TOLD.validate_python(entry.frame)
                self._seq = entry.seq
            if len(found) < ENTRIES_AT_ONCE:
                return


def _read(said: str | bytes) -> Say | Confirm | Decline | Resume | Stop | Ping | ErrorFrame:
    if isinstance(said, bytes):
        return ErrorFrame(error="not_text", detail="A frame is a text: one JSON object.")
    try:
        return SAID.validate_json(said)
    except ValidationError as refused:
        first = refused.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            return ErrorFrame(error="not_json", detail="A frame is one JSON object.")
        if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
            known = "message, confirm, decline, resume, stop or ping"
            return ErrorFrame(error="type_unknown", detail=f"The type of a frame is {known}.")
        where = ".".join(str(part) for part in first["loc"][1:]) or "frame"
        return ErrorFrame(error="frame_invalid", detail=f"{where}: {first['msg']}.")
