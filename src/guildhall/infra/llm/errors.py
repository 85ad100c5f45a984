"""What goes wrong with a model: told to a person, or kept between these modules."""

from __future__ import annotations

from typing import ClassVar

from guildhall.infra.llm.words import Fault, FaultKind
from guildhall.kernel.errors import Unavailable

__all__ = ["AnswerCut", "CallFailed", "EmbeddingFailed"]

AGAIN = frozenset(
    {FaultKind.UNREACHABLE, FaultKind.TIMEOUT, FaultKind.OVERLOADED, FaultKind.BROKEN}
)


class AnswerCut(Unavailable):
    """A stream ended before the answer did. `partial` is what had been said."""

    code: ClassVar[str] = "answer_cut"
    detail = "The answer broke off."

    def __init__(self, fault: Fault, partial: str) -> None:
        super().__init__()
        self.fault = fault
        self.partial = partial


class EmbeddingFailed(Unavailable):
    """The model that places texts did not. No other takes its place: its points would lie in
    another space."""

    code: ClassVar[str] = "embedding_failed"
    detail = "Texts cannot be searched by meaning now."

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault


class CallFailed(Exception):
    """A call that gave nothing. Stays in this package: it ends as a Fault."""

    def __init__(
        self,
        kind: FaultKind,
        detail: str = "",
        *,
        paid: bool = True,
        unwell: bool | None = None,
        unread: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.paid = paid
        """Whether the provider may charge for it."""
        self.unwell = kind in AGAIN if unwell is None else unwell
        """Whether it speaks against the provider, rather than against the request."""
        self.unread = unread
        """Whether an answer came that the client cannot read. It would not read the next one
        either, and nobody knows how long it was."""
        self.retry_after_seconds = retry_after_seconds

    @property
    def worth_repeating(self) -> bool:
        return self.kind in AGAIN and not self.unread

    def fault(self, provider: str) -> Fault:
        return Fault(provider, self.kind, self.detail)
