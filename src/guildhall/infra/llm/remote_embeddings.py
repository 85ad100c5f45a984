"""Texts as points by a model elsewhere."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic_ai.embeddings import EmbeddingResult, EmbeddingSettings
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel

from guildhall.infra.llm.calls import Line, Turn, repeated
from guildhall.infra.llm.counting import estimate, most_tokens
from guildhall.infra.llm.errors import CallFailed, EmbeddingFailed
from guildhall.infra.llm.failures import explained
from guildhall.infra.llm.words import (
    EMBEDDING_DIMENSIONS,
    Embedded,
    FaultKind,
    Meter,
    Tokens,
)

__all__ = ["RemoteEmbedder"]

TRIES = 3
TEXTS_A_CALL = 128


@dataclass(frozen=True)
class RemoteEmbedder:
    """Asks one model for points of 384 dimensions."""

    line: Line
    model: OpenAIEmbeddingModel
    send_dimensions: bool

    @property
    def model_name(self) -> str:
        return self.line.model

    async def embed(self, texts: Sequence[str], meter: Meter) -> Embedded:
        turn = Turn(meter, TRIES * self.line.call_seconds)
        vectors: list[list[float]] = []
        try:
            for batch in _batches(texts):
                vectors += await repeated(self.line, turn, TRIES, partial(self._place, batch, turn))
        except CallFailed as failed:
            raise EmbeddingFailed(failed.fault(self.line.provider)) from failed
        return Embedded(vectors, self.line.provider, self.line.model, turn.tokens)

    async def _place(self, texts: Sequence[str], turn: Turn) -> list[list[float]]:
        estimated = Tokens(estimate(texts), 0, estimated=True)
        async with self.line.call(
            turn, most_input_tokens=most_tokens(texts), most_output_tokens=0, sent=estimated
        ) as one:
            with explained():
                async with asyncio.timeout(one.seconds):
                    result = await self.model.embed(
                        # Servers refuse a text of nothing.
                        [text or " " for text in texts],
                        input_type="document",
                        settings=EmbeddingSettings(dimensions=EMBEDDING_DIMENSIONS)
                        if self.send_dimensions
                        else None,
                    )
                if result.usage.input_tokens > 0:
                    one.tokens = Tokens(result.usage.input_tokens, 0)
                return list(_points(result, len(texts)))


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), TEXTS_A_CALL):
        yield texts[start : start + TEXTS_A_CALL]


def _points(result: EmbeddingResult, wanted: int) -> Iterator[list[float]]:
    if len(result.embeddings) != wanted:
        raise CallFailed(FaultKind.INVALID, f"{len(result.embeddings)} points for {wanted} texts")
    for vector in result.embeddings:
        if len(vector) != EMBEDDING_DIMENSIONS:
            raise CallFailed(FaultKind.INVALID, f"{len(vector)} dimensions")
        length = math.hypot(*vector)
        if not math.isfinite(length) or length == 0.0:
            raise CallFailed(FaultKind.INVALID, "a point without a direction")
        yield [value / length for value in vector]
