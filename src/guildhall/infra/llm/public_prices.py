"""Public prices of models, from the list that comes with genai-prices."""

from __future__ import annotations

import math
from decimal import Decimal

from genai_prices import Usage, calc_price

from guildhall.infra.llm.words import Tokens

__all__ = ["public_micros"]

MICROS = 1_000_000


def public_micros(address: str | None, model: str, tokens: Tokens) -> int | None:
    """Give what the server at an address takes for tokens of a model, else what anybody does; in
    millionths of a USD, rounded up. None if nobody is known to have such a model."""
    usage = Usage(
        input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached
    )
    price = _price_at(address, usage, model) if address else None
    price = _price(usage, model) if price is None else price
    return None if price is None else math.ceil(price * MICROS)


def _price_at(address: str, usage: Usage, model: str) -> Decimal | None:
    try:
        return calc_price(usage, model, provider_api_url=address).total_price
    except LookupError:
        return None


def _price(usage: Usage, model: str) -> Decimal | None:
    try:
        return calc_price(usage, model).total_price
    except LookupError:
        return None
