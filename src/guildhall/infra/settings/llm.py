"""Which models the hall asks, how long it waits for them, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from guildhall.infra.settings.base import Concern

__all__ = ["EMBEDDINGS", "LlmProvider", "LlmSettings", "TokenPrice"]

PER_MILLION = "in USD per million tokens"
EMBEDDINGS = "embeddings"
"""What the server of embeddings is called in logs, metrics and bills."""
Protocol = Literal["openai", "anthropic"]
OutputMode = Literal["auto", "native", "tool"]


def _address(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://models.example.org/v1")
    if parts.username or parts.password:
        raise ValueError("must not hold a password; there is a setting for the key")
    return url.rstrip("/")


def _empty_for_none(value: object) -> object:
    return None if value == "" else value


BaseUrl = Annotated[str | None, BeforeValidator(_empty_for_none), AfterValidator(_address)]
Key = Annotated[SecretStr | None, BeforeValidator(_empty_for_none)]
ModelName = Annotated[str | None, BeforeValidator(_empty_for_none)]


class LlmProvider(BaseModel):
    """A server of models, and the model to ask there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Protocol
    model: str = Field(min_length=1)
    name: str | None = Field(None, pattern=r"^[a-z][a-z0-9-]{0,30}$")
    base_url: BaseUrl = None
    api_key: Key = None
    output: OutputMode = "auto"

    @property
    def title(self) -> str:
        """What it is called in logs, metrics and bills."""
        return self.name or self.provider

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if self.api_key is None and (self.provider == "anthropic" or self.base_url is None):
            raise ValueError("needs an api_key (only openai with a base_url may do without)")
        return self


class TokenPrice(BaseModel):
    """What a million tokens cost, in USD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0)
    output: Decimal = Field(Decimal(0), ge=0)
    cached: Decimal | None = Field(None, ge=0)


class LlmSettings(Concern):
    """Models. Unset: the hall's own rules answer, offline, and say so."""

    llm_provider: Literal["offline", "openai", "anthropic"] = Field(
        "offline",
        description="`openai` is any server that speaks its protocol, `anthropic` that of"
        " Anthropic; `offline` asks nobody.",
    )
    llm_base_url: BaseUrl = Field(
        None,
        description="Where the server is, such as http://localhost:11434/v1. Unset: the"
        " provider's own.",
    )
    llm_api_key: Key = Field(
        None,
        description="Key for the server; one at LLM_BASE_URL that speaks `openai` may do without.",
    )
    llm_model: ModelName = Field(None, description="The model to ask.")
    llm_output: OutputMode = Field(
        "auto",
        description="How a typed answer is asked for: `native` by JSON schema, `tool` as a call of"
        " a tool. `auto`: `native` for `openai`, `tool` for `anthropic`.",
    )
    llm_fallbacks: tuple[LlmProvider, ...] = Field(
        (),
        description="JSON list of those to ask next, in this order, when the first gives no answer"
        " that will do: provider, model and, if need be, name, base_url, api_key, output. The"
        " hall's own rules are always the last.",
    )
    llm_timeout_seconds: float = Field(
        45.0, gt=0, description="How long one call may take; a stream: until its first words."
    )
    llm_stall_seconds: float = Field(
        20.0, gt=0, description="How long a stream may be silent once it has begun."
    )
    llm_backoff_seconds: float = Field(
        0.5, gt=0, description="Pause before a call is made again; doubles each time, with jitter."
    )
    llm_breaker_faults: int = Field(
        5, ge=1, description="Faults in a row after which a provider is left alone."
    )
    llm_breaker_seconds: float = Field(
        30.0, gt=0, description="How long it is left alone before one call tries it again."
    )
    llm_prices: Mapping[str, TokenPrice] = Field(
        {},
        description='JSON of what models cost, such as {"my-model": {"input": 0.5, "output": 2,'
        f' "cached": 0.1}}}}, {PER_MILLION}. A model that is not named has its public price, or the'
        " assumed one if it has none.",
    )
    llm_assumed_input_price: Decimal = Field(
        Decimal(5),
        ge=0,
        description=f"What input of a model of unknown price counts for, {PER_MILLION}: budgets"
        " must end its spending too.",
    )
    llm_assumed_output_price: Decimal = Field(
        Decimal(25), ge=0, description=f"The same for output, {PER_MILLION}."
    )
    embedding_provider: Literal["offline", "openai"] = Field(
        "offline",
        description="Who places texts for search by meaning: any server that speaks `openai`, or"
        " the hall itself, by their letters (`offline`).",
    )
    embedding_base_url: BaseUrl = Field(
        None, description="Where that server is. Unset: LLM_BASE_URL, if LLM_PROVIDER is `openai`."
    )
    embedding_api_key: Key = Field(
        None, description="Key for it. Unset: LLM_API_KEY, if EMBEDDING_BASE_URL is unset too."
    )
    embedding_model: ModelName = Field(
        None, description="The model, which must give 384 dimensions."
    )
    embedding_send_dimensions: bool = Field(
        True, description="Ask for 384 dimensions; off for servers that refuse to be asked."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.llm_provider != "offline":
            if not self.llm_model:
                raise ValueError("LLM_MODEL must be set with LLM_PROVIDER")
            if self.llm_api_key is None and (
                self.llm_provider == "anthropic" or self.llm_base_url is None
            ):
                raise ValueError("LLM_API_KEY must be set with LLM_PROVIDER")
        elif self.llm_fallbacks:
            raise ValueError("LLM_FALLBACKS needs LLM_PROVIDER")
        if self.embedding_provider == "offline":
            if self.embedding_model:
                raise ValueError("EMBEDDING_MODEL needs EMBEDDING_PROVIDER=openai")
        elif not self.embedding_model:
            raise ValueError("EMBEDDING_MODEL must be set with EMBEDDING_PROVIDER")
        elif self.embeddings_at == (None, None):
            raise ValueError("EMBEDDING_API_KEY must be set with EMBEDDING_PROVIDER")
        titles = [EMBEDDINGS, *(provider.title for provider in self.providers)]
        if len(set(titles)) < len(titles):
            raise ValueError("LLM_FALLBACKS must give those names that differ from the others'")
        return self

    @property
    def providers(self) -> tuple[LlmProvider, ...]:
        """Whom to ask, in order."""
        if self.llm_provider == "offline":
            return ()
        first = LlmProvider(
            provider=self.llm_provider,
            model=self.llm_model or "",
            base_url=self.llm_base_url,
            api_key=self.llm_api_key,
            output=self.llm_output,
        )
        return (first, *self.llm_fallbacks)

    @property
    def embeddings_at(self) -> tuple[str | None, SecretStr | None]:
        """The address and the key for embeddings. A key never goes to another server than its
        own."""
        if self.embedding_base_url is not None:
            return self.embedding_base_url, self.embedding_api_key
        if self.llm_provider != "openai":
            return None, self.embedding_api_key
        return self.llm_base_url, self.embedding_api_key or self.llm_api_key
