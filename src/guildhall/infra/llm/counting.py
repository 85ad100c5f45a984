"""Tokens, counted here: as a bound before a call, and as an estimate where nobody says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import orjson
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.usage import RequestUsage

from guildhall.infra.llm.words import Tokens

__all__ = ["estimate", "most_tokens", "texts_of_request", "texts_of_response", "tokens_of"]

OVERHEAD_TOKENS = 1_000
"""What a provider puts around a request: roles, and its own words about tools and schemas."""
LETTERS_A_TOKEN = 4


def most_tokens(texts: Iterable[str]) -> int:
    """Give what the texts take at most: every tokenizer in use falls back to bytes."""
    return OVERHEAD_TOKENS + sum(len(text.encode()) for text in texts)


def estimate(texts: Iterable[str]) -> int:
    """Give about what the texts take: a token for four ASCII letters, and for each other one."""
    plain = others = 0
    for text in texts:
        other = sum(not letter.isascii() for letter in text)
        plain += len(text) - other
        others += other
    return math.ceil(plain / LETTERS_A_TOKEN) + others


def texts_of_request(
    messages: Sequence[ModelMessage], parameters: ModelRequestParameters
) -> list[str]:
    """Give all the text that goes out with a request."""
    texts = [part.content for part in parameters.instruction_parts or ()]
    wanted = [(tool.description, tool.parameters_json_schema) for tool in parameters.output_tools]
    if parameters.output_object is not None:
        wanted.append((parameters.output_object.description, parameters.output_object.json_schema))
    for description, schema in wanted:
        texts += [description or "", orjson.dumps(schema).decode()]
    for message in messages:
        if isinstance(message, ModelResponse):
            texts += texts_of_response(message)
        else:
            texts += _texts_of_parts(message)
    return texts


def texts_of_response(response: ModelResponse) -> list[str]:
    """Give all the text that a model wrote."""
    texts = []
    for part in response.parts:
        match part:
            case TextPart() | ThinkingPart():
                texts.append(part.content)
            case ToolCallPart():
                texts += [part.tool_name, part.args_as_json_str()]
            case _:
                pass
    return texts


def tokens_of(usage: RequestUsage, sent: Iterable[str], came: Iterable[str]) -> Tokens:
    """Give what a provider says that a call took, else an estimate of what was sent and came."""
    if usage.input_tokens > 0 and usage.output_tokens > 0:
        return Tokens(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)
    return Tokens(
        usage.input_tokens or estimate(sent),
        usage.output_tokens or estimate(came),
        usage.cache_read_tokens,
        estimated=True,
    )


def _texts_of_parts(request: ModelRequest) -> Iterator[str]:
    for part in request.parts:
        content: object = getattr(part, "content", "")
        yield content if isinstance(content, str) else str(content)
