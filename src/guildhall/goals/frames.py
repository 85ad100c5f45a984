"""What travels over the WebSocket of a conversation: one JSON object a frame, told by its `type`.

Frames with a `seq` are what a conversation consists of: each is told once, in order, and told again
to whoever resumes after an earlier one. The rest is only about the connection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from guildhall.goals.changes import Change
from guildhall.goals.schemas import without_nul

__all__ = [
    "SAID",
    "TOLD",
    "Confirm",
    "ConversationFrame",
    "Decision",
    "Decline",
    "Entry",
    "ErrorFrame",
    "HallMessage",
    "Interrupted",
    "MemberMessage",
    "Ping",
    "PongFrame",
    "ProposalOut",
    "Resume",
    "Said",
    "Say",
    "Stop",
    "Told",
    "Usage",
]


Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000),
    AfterValidator(without_nul),
]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Seq = Annotated[int, Field(ge=0, le=2_147_483_647)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Say(_Said):
    """Say something. The first message of a connection that resumed nothing begins a conversation.

    With a `client_id` it is taken once: said again, whenever and over whichever connection, it
    attaches to the message that is there, and to its answer.
    """

    type: Literal["message"]
    text: Words
    client_id: ClientId | None = None


class Confirm(_Said):
    """Say yes to a proposal: now it is done, if it still can be."""

    type: Literal["confirm"]
    proposal_id: UUID


class Decline(_Said):
    """Say no to a proposal."""

    type: Literal["decline"]
    proposal_id: UUID


class Resume(_Said):
    """Go on with a conversation, and hear what came after an entry."""

    type: Literal["resume"]
    conversation_id: UUID
    after_seq: Seq = 0


class Stop(_Said):
    """Wait no longer for the answer under way. What it comes to is thrown away."""

    type: Literal["stop"]


class Ping(_Said):
    """Keep the connection awake. Not counted."""

    type: Literal["ping"]


Said = Annotated[Say | Confirm | Decline | Resume | Stop | Ping, Field(discriminator="type")]
SAID: TypeAdapter[Said] = TypeAdapter(Said)


class ConversationFrame(BaseModel):
    """Which conversation this connection is in now, and how far it has come."""

    type: Literal["conversation"] = "conversation"
    id: UUID
    seq: int
    answering: bool = Field(description="Whether the answer to what was said last is under way.")


class MemberMessage(BaseModel):
    """What the member said."""

    type: Literal["message"] = "message"
    by: Literal["member"] = "member"
    seq: int = 0
    text: str
    client_id: str | None
    at: datetime


class ProposalOut(BaseModel):
    """A change that waits for the member's yes."""

    id: UUID
    summary: str
    change: Change
    expires_at: datetime


class Usage(BaseModel):
    """What an answer took; `estimated` if the provider did not say."""

    input_tokens: int
    output_tokens: int
    estimated: bool


class HallMessage(BaseModel):
    """The answer to an entry. `provider` says whose it is; `offline` is the hall's own rules."""

    type: Literal["message"] = "message"
    by: Literal["hall"] = "hall"
    seq: int = 0
    answers: int
    text: str
    proposals: list[ProposalOut]
    provider: str
    model: str
    notes: list[str] = Field([], description="What went otherwise than asked, and why.")
    usage: Usage
    at: datetime


class Interrupted(BaseModel):
    """There will be no answer to an entry: it was stopped, or nobody could give one."""

    type: Literal["interrupted"] = "interrupted"
    seq: int = 0
    answers: int
    reason: Literal["stopped", "lost"]
    at: datetime


class Decision(BaseModel):
    """What became of a proposal; `refused` if it could not be done any more, with the reason."""

    type: Literal["decision"] = "decision"
    seq: int = 0
    proposal_id: UUID
    state: Literal["confirmed", "declined", "refused"]
    error: str | None = None
    detail: str | None = None
    goal_id: UUID | None = Field(None, description="The goal that was set.")
    task_ids: list[UUID] = Field([], description="The tasks that were changed.")
    at: datetime


class ErrorFrame(BaseModel):
    """What was said before could not be done. The connection goes on."""

    type: Literal["error"] = "error"
    error: str
    detail: str


class PongFrame(BaseModel):
    type: Literal["pong"] = "pong"


Entry = MemberMessage | HallMessage | Interrupted | Decision
Told = (
    ConversationFrame
    | MemberMessage
    | HallMessage
    | Interrupted
    | Decision
    | ErrorFrame
    | PongFrame
)
TOLD: TypeAdapter[Told] = TypeAdapter(Told)
