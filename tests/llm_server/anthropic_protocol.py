"""Anthropic's messages, as its API reference has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tests.llm_server.asked import Answer, Asked

__all__ = ["asked", "body", "error", "error_event", "events"]

STOP = {"end": "end_turn", "length": "max_tokens", "filter": "refusal"}


def asked(request: Mapping[str, Any]) -> Asked:
    title = schema = None
    by_tool = bool(request.get("tools"))
    if by_tool:
        title, schema = request["tools"][0]["name"], request["tools"][0]["input_schema"]
    elif wanted := request.get("output_config", {}).get("format"):
        title, schema = wanted.get("name"), wanted["schema"]
    return Asked(
        protocol="anthropic",
        model=request["model"],
        instructions=_text(request.get("system")),
        messages=[(said["role"], _text(said["content"])) for said in request["messages"]],
        title=title,
        schema=schema,
        by_tool=by_tool,
        stream=request.get("stream", False),
        most_output_tokens=request["max_tokens"],
    )


def body(question: Asked, answer: Answer, number: int) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}]
    if answer.json is not None and question.by_tool:
        content = [_tool_use(question, number) | {"input": _parsed(answer.json)}]
    elif answer.json is not None:
        content = [{"type": "text", "text": answer.json}]
    elif not answer.text:
        content = []
    message = _frame(question, number) | {
        "content": content,
        "stop_reason": _stop(question, answer),
    }
    return message | ({"usage": _usage(answer)} if answer.usage else {})


def events(question: Asked, answer: Answer, number: int, *, usage: bool = True) -> Iterator[bytes]:
    """Give the events of a stream; the last one says that it is over."""
    usage = usage and answer.usage
    start: dict[str, Any] = _frame(question, number) | {"content": [], "stop_reason": None}
    if usage:
        start["usage"] = {"input_tokens": answer.input_tokens, "output_tokens": 1}
    yield _event("message_start", message=start)
    yield _event("ping")
    typed = answer.json is not None and question.by_tool
    text = answer.text if answer.json is None else answer.json
    if typed or text:
        block = _tool_use(question, number) if typed else {"type": "text", "text": ""}
        yield _event("content_block_start", index=0, content_block=block)
        for piece in (text[start : start + 12] for start in range(0, len(text), 12)):
            delta = (
                {"type": "input_json_delta", "partial_json": piece}
                if typed
                else {"type": "text_delta", "text": piece}
            )
            yield _event("content_block_delta", index=0, delta=delta)
        yield _event("content_block_stop", index=0)
    told = {"usage": {"output_tokens": answer.output_tokens}} if usage else {}
    yield _event(
        "message_delta",
        delta={"stop_reason": _stop(question, answer), "stop_sequence": None},
        **told,
    )
    yield _event("message_stop")


def error(status: int, sentence: str) -> dict[str, Any]:
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": sentence}}


def error_event(sentence: str) -> bytes:
    return _event("error", error=error(529, sentence)["error"])


def _frame(question: Asked, number: int) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "stop_sequence": None,
    }


def _tool_use(question: Asked, number: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": question.title, "input": {}}


def _stop(question: Asked, answer: Answer) -> str:
    if answer.refused:
        return "refusal"
    if answer.stopped == "end" and answer.json is not None and question.by_tool:
        return "tool_use"
    return STOP[answer.stopped]


def _usage(answer: Answer) -> dict[str, int]:
    return {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}


def _parsed(text: str) -> Any:
    """The protocol carries a tool's input as JSON, so broken JSON can only come as a text."""
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_text(part.get("text") or part.get("content")) for part in content)
    return content or ""
