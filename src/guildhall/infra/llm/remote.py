"""All that a hall needs to ask others. Heavy to import (three SDKs, 4 s of processor time, 100 MB),
and so left out by a hall that asks nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.providers.openai import OpenAIProvider

from guildhall.infra.llm.breaker import Breaker
from guildhall.infra.llm.calls import Line
from guildhall.infra.llm.clients import ANTHROPIC_URL, OPENAI_URL, open_model, open_openai
from guildhall.infra.llm.prices import Prices
from guildhall.infra.llm.providers import Provider
from guildhall.infra.llm.public_prices import public_micros
from guildhall.infra.llm.remote_embeddings import RemoteEmbedder
from guildhall.infra.llm.words import OFFLINE
from guildhall.infra.settings import EMBEDDINGS, LlmSettings
from guildhall.kernel.clock import Clock

__all__ = ["Remote", "open_remote"]


@dataclass(frozen=True)
class Remote:
    """Whom a hall asks, in order, and what they take for it."""

    providers: Sequence[Provider]
    embedder: RemoteEmbedder | None
    """None if texts are placed offline."""
    prices: Prices


@asynccontextmanager
async def open_remote(settings: LlmSettings, clock: Clock) -> AsyncIterator[Remote]:
    """Open the lines to all providers of the settings, and close them in the end. Calls nobody."""

    def line(provider: str, model: str) -> Line:
        breaker = Breaker(
            clock,
            faults=settings.llm_breaker_faults,
            rest_seconds=settings.llm_breaker_seconds,
        )
        return Line(
            provider, model, breaker, settings.llm_timeout_seconds, settings.llm_backoff_seconds
        )

    async with AsyncExitStack() as lines:
        providers, addresses = [], {}
        for configured in settings.providers:
            anthropic = configured.provider == "anthropic"
            addresses[configured.title] = configured.base_url or (
                ANTHROPIC_URL if anthropic else OPENAI_URL
            )
            native = configured.output == "native" or (
                configured.output == "auto" and not anthropic
            )
            model = await lines.enter_async_context(open_model(configured))
            providers.append(
                Provider(
                    line(configured.title, configured.model),
                    model,
                    native,
                    settings.llm_stall_seconds,
                )
            )
        embedder = None
        if settings.embedding_provider != OFFLINE:
            address, key = settings.embeddings_at
            client = await lines.enter_async_context(open_openai(address, key))
            addresses[EMBEDDINGS] = address or OPENAI_URL
            model_name = settings.embedding_model or ""
            embedder = RemoteEmbedder(
                line(EMBEDDINGS, model_name),
                OpenAIEmbeddingModel(model_name, provider=OpenAIProvider(openai_client=client)),
                settings.embedding_send_dimensions,
            )
        yield Remote(providers, embedder, Prices(settings, addresses, public_micros))
