"""The post: takes letters and sees to it that they go out."""

from __future__ import annotations

from typing import Protocol

from guildhall.infra.mail.letters import Letter

__all__ = ["Post"]


class Post(Protocol):
    """Sends letters. Never awaited inside a unit of work."""

    async def send(self, letter: Letter) -> None:
        """Hand a letter over to whoever delivers it.

        Raises MailRefused if that makes no sense ever; anything else that is raised may go
        another time.
        """
