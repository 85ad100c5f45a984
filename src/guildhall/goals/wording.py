"""The language that something is written in, as far as it can be told."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["other_language"]

SURE = 0.8
"""Short texts and names are in many languages at once; below this nothing is said."""
# fmt: off
LANGUAGES = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa",
    "fi", "fr", "gu", "he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt",
    "lv", "mk", "ml", "mr", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl",
    "sq", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "vi", "zh",
)
# fmt: on


def other_language(said: str, answered: str) -> str | None:
    """Give the language (ISO 639-1) of an answer if it is surely another one than what was said.

    Blocks for a second at the first call, when the model is read.
    """
    one, other = _language(said), _language(answered)
    return other if one is not None and other is not None and one != other else None


def _language(text: str) -> str | None:
    language, chance = _identifier().classify(text)
    return str(language) if chance >= SURE else None


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    # Here: only a hall with a model needs it, and it takes a second and 40 MB.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier
