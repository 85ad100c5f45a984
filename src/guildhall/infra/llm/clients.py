"""Clients of the servers that models are at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anthropic
import openai
from pydantic import SecretStr
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from guildhall.infra.settings import LlmProvider

__all__ = ["ANTHROPIC_URL", "OPENAI_URL", "open_model", "open_openai"]

CONNECT_SECONDS = 5.0
OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
NO_KEY = "none"


@asynccontextmanager
async def open_model(settings: LlmProvider) -> AsyncIterator[Model]:
    """Open the client of a model's server. It takes no proxy from the environment, follows no
    redirects, and repeats nothing by itself."""
    if settings.provider == "anthropic":
        async with anthropic.AsyncAnthropic(
            base_url=settings.base_url or ANTHROPIC_URL,
            api_key=_plain(settings.api_key),
            max_retries=0,
            timeout=anthropic.Timeout(None, connect=CONNECT_SECONDS),
            http_client=anthropic.DefaultAsyncHttpxClient(
                trust_env=False,
                follow_redirects=False,
                timeout=anthropic.Timeout(None, connect=CONNECT_SECONDS),
            ),
        ) as client:
            yield AnthropicModel(
                settings.model, provider=AnthropicProvider(anthropic_client=client)
            )
        return
    async with open_openai(settings.base_url, settings.api_key) as client:
        yield OpenAIChatModel(
            settings.model,
            provider=OpenAIProvider(openai_client=client)
            if _is_openai(settings.base_url)
            else OpenAICompatibleProvider(settings.title, openai_client=client),
            profile=OpenAIModelProfile(
                openai_chat_streaming_requires_finish_reason=True,
                # Others than OpenAI know the older name, and not all of them the newer.
                openai_chat_supports_max_completion_tokens=_is_openai(settings.base_url),
            ),
        )


@asynccontextmanager
async def open_openai(
    base_url: str | None, key: SecretStr | None
) -> AsyncIterator[openai.AsyncOpenAI]:
    """Open a client for a server that speaks OpenAI's protocol; see `open_model`."""
    async with openai.AsyncOpenAI(
        base_url=base_url or OPENAI_URL,
        api_key=_plain(key),
        max_retries=0,
        timeout=openai.Timeout(None, connect=CONNECT_SECONDS),
        http_client=openai.DefaultAsyncHttpxClient(
            trust_env=False,
            follow_redirects=False,
            timeout=openai.Timeout(None, connect=CONNECT_SECONDS),
        ),
    ) as client:
        yield client


def _plain(key: SecretStr | None) -> str:
    return key.get_secret_value() if key else NO_KEY


def _is_openai(base_url: str | None) -> bool:
    return base_url is None or urlsplit(base_url).hostname == urlsplit(OPENAI_URL).hostname
