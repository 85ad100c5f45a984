"""What tokens cost, in millionths of a USD."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from guildhall.infra.llm.words import OFFLINE, Call, Tokens
from guildhall.infra.settings import LlmSettings, TokenPrice

__all__ = ["Prices", "PublicPrice"]

PublicPrice = Callable[[str | None, str, Tokens], int | None]
"""The public price of tokens by address and model; None if there is none."""


class Prices:
    """Prices by provider and model: the operator's, else the public ones, else an assumed one."""

    def __init__(
        self, settings: LlmSettings, addresses: Mapping[str, str | None], public: PublicPrice
    ) -> None:
        self._set = settings.llm_prices
        self._addresses = addresses
        self._public = public
        self._assumed = TokenPrice(
            input=settings.llm_assumed_input_price, output=settings.llm_assumed_output_price
        )

    @classmethod
    def of_an_offline_hall(cls, settings: LlmSettings) -> Prices:
        """Give prices that know of no public ones."""
        return cls(settings, {}, lambda *_: None)

    def price_micros(self, provider: str, model: str, tokens: Tokens) -> int:
        """Give what tokens cost, rounded up. What the hall answers itself costs nothing."""
        if provider == OFFLINE:
            return 0
        price = self._set.get(model)
        if price is None:
            public = self._public(self._addresses.get(provider), model, tokens)
            if public is not None:
                return public
        return _micros(price or self._assumed, tokens)

    def most_micros(self, call: Call) -> int:
        """Give what a call costs at most."""
        return self.price_micros(
            call.provider, call.model, Tokens(call.most_input_tokens, call.most_output_tokens)
        )


def _micros(price: TokenPrice, tokens: Tokens) -> int:
    """A price in USD per million tokens is one in micro-USD per token."""
    cached = price.input if price.cached is None else price.cached
    fresh = tokens.input - tokens.cached
    return math.ceil(fresh * price.input + tokens.cached * cached + tokens.output * price.output)
