"""What tokens cost, in millionths of a USD."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.infra.llm import OFFLINE, Call, Tokens
from guildhall.infra.llm.prices import Prices
from guildhall.infra.llm.public_prices import public_micros
from guildhall.infra.settings import LlmSettings

ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "own": "http://localhost:11434/v1",
}


def prices(**settings: Any) -> Prices:
    return Prices(LlmSettings(**settings), ADDRESSES, public_micros)


@pytest.mark.parametrize(
    ("provider", "model", "tokens", "micros"),
    [
        # OpenAI's list: 2.50 USD in, 1.25 cached, 10 out.
        ("openai", "gpt-4o", Tokens(1_000_000, 0), 2_500_000),
        ("openai", "gpt-4o", Tokens(1_000_000, 0, cached=1_000_000), 1_250_000),
        ("openai", "gpt-4o", Tokens(1000, 100), 3_500),
        ("openai", "gpt-4o", Tokens(1, 0), 3),
        ("openai", "gpt-4o", Tokens(0, 0), 0),
        # Anthropic's: 3 USD in, 15 out.
        ("anthropic", "claude-sonnet-4-5", Tokens(1000, 100), 4_500),
        # Nobody has it: 5 USD in, 25 out are assumed.
        ("own", "nobody-has-this-model", Tokens(1000, 100), 7_500),
        # The operator's own word goes before anybody's.
        ("own", "mine", Tokens(1000, 100, cached=500), 50 + 500 + 200),
        ("own", "free", Tokens(1000, 100, cached=500), 0),
        (OFFLINE, "rules", Tokens(1000, 100), 0),
    ],
)
def test_tokens_have_a_price(provider: str, model: str, tokens: Tokens, micros: int) -> None:
    set_by_operator = {
        "mine": {"input": "1", "output": "2", "cached": "0.1"},
        "free": {"input": 0, "output": 0},
    }
    known = prices(llm_prices=set_by_operator)
    assert known.price_micros(provider, model, tokens) == micros


@given(
    st.sampled_from(["gpt-4o", "gemini-2.5-pro", "claude-sonnet-4-5", "nobody-has-this-model"]),
    st.integers(0, 500_000),
    st.integers(0, 500_000),
    st.data(),
)
def test_a_call_never_costs_more_than_was_reserved(
    model: str, most_in: int, most_out: int, data: st.DataObject
) -> None:
    used = Tokens(
        taken := data.draw(st.integers(0, most_in)),
        data.draw(st.integers(0, most_out)),
        data.draw(st.integers(0, taken)),
    )
    known = prices()
    most = known.most_micros(Call("openai", model, most_in, most_out))
    assert 0 <= known.price_micros("openai", model, used) <= most


def test_an_assumed_price_can_be_set() -> None:
    known = prices(llm_assumed_input_price="1", llm_assumed_output_price="2")
    assert known.price_micros("own", "nobody-has-this-model", Tokens(10, 10)) == 30
