"""Texts as points without asking anybody: by the letters that they share."""

from __future__ import annotations

import asyncio
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Protocol

from guildhall.infra.llm.words import EMBEDDING_DIMENSIONS, OFFLINE, Embedded, Meter, Tokens

__all__ = ["LETTERS", "Embedder", "OfflineEmbedder", "by_letters"]

LETTERS = "letters-v1"
"""The model's name. Another way to count is another model, or old points would be compared with
new ones."""
GRAM_LENGTHS = (3, 4, 5)


class Embedder(Protocol):
    """Places texts."""

    @property
    def model_name(self) -> str:
        """What its points are called: only those of one model can be compared."""
        ...

    async def embed(self, texts: Sequence[str], meter: Meter) -> Embedded:
        """Give a point for each text. Raises EmbeddingFailed."""
        ...


class OfflineEmbedder:
    """Places texts that share words, or parts of words, near each other. It knows no meanings."""

    model_name = LETTERS

    async def embed(self, texts: Sequence[str], meter: Meter) -> Embedded:
        vectors = await asyncio.to_thread(lambda: [by_letters(text) for text in texts])
        return Embedded(vectors, OFFLINE, LETTERS, Tokens(0, 0))


def by_letters(text: str) -> list[float]:
    """Give the point of a text: its words and their n-grams, hashed with a sign to dimensions
    (Weinberger et al. 2009, "Feature Hashing"), dampened, and brought to length 1."""
    point = [0.0] * EMBEDDING_DIMENSIONS
    for feature, times in Counter(_features(text)).items():
        digest = int.from_bytes(blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest())
        sign = 1.0 if digest & 1 else -1.0
        point[(digest >> 1) % EMBEDDING_DIMENSIONS] += sign * (1.0 + math.log(times))
    length = math.hypot(*point)
    if length == 0.0:
        # No letters, or they cancel each other out: somewhere, but always there.
        return [1.0] + [0.0] * (EMBEDDING_DIMENSIONS - 1)
    return [value / length for value in point]


def _features(text: str) -> Iterator[str]:
    for word in unicodedata.normalize("NFKC", text).casefold().split():
        letters = word.strip("".join(mark for mark in word if not mark.isalnum()))
        if not letters:
            continue
        bounded = f"<{letters}>"
        yield bounded
        for length in GRAM_LENGTHS:
            # The whole word is there already.
            for start in range(len(bounded) - length + 1 if len(bounded) > length else 0):
                yield bounded[start : start + length]
