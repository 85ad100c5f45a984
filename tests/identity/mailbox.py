"""What the hall wrote to whom, in tests."""

from __future__ import annotations

import re
from dataclasses import replace

from guildhall.infra.hall import Hall
from guildhall.infra.mail import Letter, Post
from guildhall.infra.tasks import TaskRunner
from tests.world import settle_hall

TOKEN = re.compile(r"#token=(\S+)")


class Mailbox:
    """A post that hands its letters to the test; a real one has tests of its own."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    async def send(self, letter: Letter) -> None:
        self.letters.append(letter)

    def to(self, address: str, subject: str = "") -> list[Letter]:
        return [
            letter
            for letter in self.letters
            if letter.to == address and letter.subject.startswith(subject)
        ]

    def token(self, address: str, subject: str = "") -> str:
        """Give the token in the newest letter to somebody that has one."""
        found = [TOKEN.search(letter.text) for letter in self.to(address, subject)]
        return [match[1] for match in found if match][-1]


def with_post(hall: Hall, post: Post) -> Hall:
    """Give the same hall with another post."""
    tasks = {task.name: task for task in hall.wiring.tasks}
    runner = TaskRunner(hall.units, tasks, post=post, llm=hall.llm, settings=hall.settings)
    return replace(hall, post=post, task_runner=runner)


async def deliver(hall: Hall, post: Post) -> None:
    """Run every task that waits; letters go to that post."""
    await settle_hall(with_post(hall, post))
