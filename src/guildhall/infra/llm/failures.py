"""What the exceptions of the clients mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
    UserError,
)

from guildhall.infra.llm.errors import CallFailed
from guildhall.infra.llm.words import FaultKind

__all__ = ["explained", "failure_of"]

NOT_SENT = ("pool", "connect")
LOUD_STATUSES = (503, 529)


@contextmanager
def explained() -> Iterator[None]:
    """Let nothing through but CallFailed, and cancellations."""
    try:
        yield
    except Exception as error:
        raise failure_of(error) from error


def failure_of(error: Exception) -> CallFailed:
    """Say what an exception of the client means. `detail` never repeats what was sent or
    answered."""
    if isinstance(error, CallFailed):
        return error
    paid = not isinstance(error, ModelAPIError) or error.in_stream
    wait = error.retry_after if isinstance(error, ModelAPIError) else None
    match error:
        case TimeoutError():
            return CallFailed(FaultKind.TIMEOUT, "it took too long")
        case ModelConnectionError(phase=phase) if phase in NOT_SENT:
            return CallFailed(FaultKind.UNREACHABLE, f"no connection ({phase})", paid=False)
        case ModelTimeoutError():
            return CallFailed(FaultKind.TIMEOUT, "it took too long")
        case ModelConnectionError():
            return CallFailed(FaultKind.UNREACHABLE, f"the connection was lost ({error.phase})")
        case ModelAPIError(provider_error_code="content_filter"):
            return CallFailed(FaultKind.REFUSED, "content filter", paid=paid)
        case ModelQuotaExceededError():
            return CallFailed(FaultKind.REJECTED, "its quota is used up", paid=paid, unwell=True)
        case ModelRateLimitError() | ModelOverloadedError():
            return CallFailed(
                FaultKind.OVERLOADED, _status(error), paid=paid, retry_after_seconds=wait
            )
        case ModelAuthenticationError() | ModelNotFoundError():
            return CallFailed(FaultKind.REJECTED, _status(error), paid=paid, unwell=True)
        case ModelHTTPError(status_code=status) if status >= 500:
            # One that says it is too busy has not begun; any other may have done the work.
            return CallFailed(
                FaultKind.BROKEN,
                _status(error),
                paid=paid or status not in LOUD_STATUSES,
                retry_after_seconds=wait,
            )
        case ModelHTTPError(status_code=408):
            return CallFailed(FaultKind.TIMEOUT, _status(error), paid=paid)
        case ModelHTTPError():
            return CallFailed(FaultKind.REJECTED, _status(error), paid=paid)
        case UserError():
            # Of the library: nothing was sent, as the model is not known to take it so.
            return CallFailed(FaultKind.REJECTED, "it cannot be asked like this", paid=False)
        case ModelAPIError() | UnexpectedModelBehavior():
            return CallFailed(FaultKind.BROKEN, "not an answer of the protocol")
    return CallFailed(FaultKind.BROKEN, type(error).__name__, unread=True)


def _status(error: ModelAPIError) -> str:
    status = error.status_code if isinstance(error, ModelHTTPError) else "in its stream"
    return f"{status} {error.provider_error_code or error.provider_error_type or ''}".strip()
