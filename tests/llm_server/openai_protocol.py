"""OpenAI's chat completions and embeddings, as its API reference has them."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tests.llm_server.asked import Answer, Asked

__all__ = ["asked", "body", "embeddings", "error", "error_event", "events"]

FINISH = {"end": "stop", "length": "length", "filter": "content_filter"}


def asked(request: Mapping[str, Any]) -> Asked:
    title = schema = None
    by_tool = bool(request.get("tools"))
    if by_tool:
        function = request["tools"][0]["function"]
        title, schema = function["name"], function["parameters"]
    elif (wanted := request.get("response_format", {})).get("type") == "json_schema":
        title, schema = wanted["json_schema"]["name"], wanted["json_schema"]["schema"]
    said = [(message["role"], _text(message.get("content"))) for message in request["messages"]]
    return Asked(
        protocol="openai",
        model=request["model"],
        instructions="\n".join(text for by, text in said if by in ("system", "developer")),
        messages=[(by, text) for by, text in said if by not in ("system", "developer")],
        title=title,
        schema=schema,
        by_tool=by_tool,
        stream=request.get("stream", False),
        most_output_tokens=request.get("max_completion_tokens") or request.get("max_tokens"),
    )


def body(question: Asked, answer: Answer, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    finish = FINISH[answer.stopped]
    if answer.refused:
        message |= {"content": None, "refusal": answer.text}
    elif answer.json is not None and question.by_tool:
        message |= {"content": None, "tool_calls": [_tool_call(question, answer.json, number)]}
        finish = "tool_calls" if answer.stopped == "end" else finish
    elif answer.json is not None:
        message["content"] = answer.json
    whole = {
        **_frame(question, number, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
    }
    return whole | ({"usage": _usage(answer)} if answer.usage else {})


def events(question: Asked, answer: Answer, number: int, *, usage: bool) -> Iterator[bytes]:
    """Give the events of a stream; the last one says that it is over."""

    def event(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event({**_frame(question, number, "chat.completion.chunk"), "choices": [choice]})

    yield event({"role": "assistant", "content": ""})
    finish = FINISH[answer.stopped]
    if answer.refused:
        yield from (event({"refusal": piece}) for piece in _pieces(answer.text))
    elif answer.json is not None and question.by_tool:
        call = _tool_call(question, "", number)
        yield event({"tool_calls": [{"index": 0, **call}]})
        for piece in _pieces(answer.json):
            yield event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        finish = "tool_calls" if answer.stopped == "end" else finish
    else:
        text = answer.text if answer.json is None else answer.json
        yield from (event({"content": piece}) for piece in _pieces(text))
    yield event({}, finish)
    if usage and answer.usage:
        frame = _frame(question, number, "chat.completion.chunk")
        yield _event({**frame, "choices": [], "usage": _usage(answer)})
    yield b"data: [DONE]\n\n"


def error(status: int, sentence: str) -> dict[str, Any]:
    kinds = {400: "invalid_request_error", 401: "invalid_api_key", 429: "rate_limit_exceeded"}
    kind = kinds.get(status, "server_error")
    return {"error": {"message": sentence, "type": kind, "param": None, "code": kind}}


def error_event(sentence: str) -> bytes:
    failed = {"message": sentence, "type": "overloaded", "param": None, "code": "overloaded"}
    return _event({"error": failed})


def embeddings(request: Mapping[str, Any], *, dimensions: int) -> dict[str, Any]:
    """Give points that depend on the text, not of length 1."""
    texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
    points = []
    for index, text in enumerate(texts):
        seed = sum(text.encode()) + 1
        point = [float((seed * (n + 3)) % 17 - 8) for n in range(dimensions)]
        encoded: Any = point
        if request.get("encoding_format") == "base64":
            encoded = base64.b64encode(struct.pack(f"<{dimensions}f", *point)).decode()
        points.append({"object": "embedding", "index": index, "embedding": encoded})
    tokens = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "data": points,
        "model": request["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _frame(question: Asked, number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1, "model": question.model}


def _tool_call(question: Asked, arguments: str, number: int) -> dict[str, Any]:
    function = {"name": question.title, "arguments": arguments}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _event(what: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(what) + b"\n\n"


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), 12):
        yield text[start : start + 12]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""
