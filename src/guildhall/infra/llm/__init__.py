"""Models that answer questions and place texts, behind one way to ask."""

from guildhall.infra.llm.errors import AnswerCut, EmbeddingFailed
from guildhall.infra.llm.llm import Llm, open_llm
from guildhall.infra.llm.streams import AnswerStream
from guildhall.infra.llm.words import (
    EMBEDDING_DIMENSIONS,
    OFFLINE,
    RULES,
    Call,
    Embedded,
    Fault,
    FaultKind,
    Meter,
    Question,
    Reply,
    Said,
    Tokens,
)

__all__ = [
    "EMBEDDING_DIMENSIONS",
    "OFFLINE",
    "RULES",
    "AnswerCut",
    "AnswerStream",
    "Call",
    "Embedded",
    "EmbeddingFailed",
    "Fault",
    "FaultKind",
    "Llm",
    "Meter",
    "Question",
    "Reply",
    "Said",
    "Tokens",
    "open_llm",
]
