"""What the hall says to a member: a model's words, or its own rules', and the changes they propose.

Done by a worker, so that a closed connection, or a process that ends, takes no answer with it. The
model is asked under the request's name, and answers it once; what it says changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, cast
from uuid import UUID

from guildhall import ai, identity, progression
from guildhall.goals import conversations, repository, rescheduling, wishes
from guildhall.goals.analysis import in_brief
from guildhall.goals.changes import (
    Change,
    GoalIdea,
    Idea,
    KnownGoal,
    KnownTask,
    MoveIdea,
    MoveTask,
    NewDays,
    NewGoal,
    OutcomeIdea,
    Surroundings,
    Talk,
    TaskOutcome,
    faults,
    summary,
)
from guildhall.goals.frames import HallMessage, ProposalOut, Usage
from guildhall.goals.models import ConversationEntry, ConversationProposal, Rescheduling, Task
from guildhall.goals.rescheduling import shown
from guildhall.goals.rules import LONGEST_YEARS
from guildhall.infra.llm import OFFLINE, FaultKind, Reply, Said
from guildhall.infra.tasks import TaskRun
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id

__all__ = ["answer"]

FEATURE = "goals.chat"
PROMPT = ai.load("guildhall.goals", "converse", 1)
PROPOSAL_LIVES = timedelta(hours=24)
LINES_REMEMBERED = 10
MOST_TASKS = 50
MOST_DONE = 20
MOST_GOALS = 50

NOTES = {
    FaultKind.REFUSED: "The model declined to answer this; the hall's own rules did.",
    FaultKind.TOO_DEAR: "The budget for models is spent for now; the hall's own rules answered.",
    FaultKind.INVALID: "The model's answers did not hold together; the hall's own rules answered.",
}
OTHERWISE = "The model could not be asked; the hall's own rules answered."
NOTHING_TO_MOVE = "Everything has a day, and nothing was missed."


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be answered, and what is known to answer it."""

    message: str
    history: Sequence[Said]
    around: Surroundings


async def answer(
    run: TaskRun, user_id: UUID, conversation_id: UUID, seq: int, request_id: UUID
) -> dict[str, object]:
    """Answer what a member said, unless nobody waits for it any more."""
    turn = await _turn(run, user_id, conversation_id, seq, request_id)
    if turn is None:
        return {"skipped": "nobody waits for it"}
    cause = f"converse:{request_id}"
    reply = await _asked(run, user_id, turn, cause)
    notes = _notes(reply)
    preview = None
    if any(idea.kind == "new_days" for idea in reply.output.proposals):
        preview = await rescheduling.propose(run.units, user_id)
        notes += [] if preview else [NOTHING_TO_MOVE]
    changes = _changes(reply.output.proposals, turn.around, preview)
    async with run.units.write(member=user_id) as uow:
        conversation = await conversations.held(uow, user_id, conversation_id)
        await ai.finish(uow, cause, member=user_id)
        if conversation.answering != request_id:
            return {"skipped": "it was stopped"}
        proposals = [_proposed(uow, user_id, conversation_id, change) for change in changes]
        conversations.append(
            uow,
            conversation,
            HallMessage(
                answers=seq,
                text=reply.output.text,
                proposals=proposals,
                provider=reply.provider,
                model=reply.model,
                notes=notes,
                usage=Usage(
                    input_tokens=reply.tokens.input,
                    output_tokens=reply.tokens.output,
                    estimated=reply.tokens.estimated,
                ),
                at=uow.now,
            ),
        )
        conversations.wait_no_longer(conversation)
    return {"provider": reply.provider, "proposals": len(proposals)}


async def _turn(
    run: TaskRun, user_id: UUID, conversation_id: UUID, seq: int, request_id: UUID
) -> Turn | None:
    async with run.units.read(member=user_id, one_snapshot=True) as uow:
        conversation = await conversations.conversation_of(uow, user_id, conversation_id)
        days = (await identity.days_of(uow, [user_id])).get(user_id)
        if conversation.answering != request_id or days is None:
            return None
        [said] = await conversations.entries(uow, user_id, conversation_id, seq - 1, 1)
        lines = await conversations.lines_before(
            uow, user_id, conversation_id, seq, LINES_REMEMBERED
        )
        around = await _surroundings(uow, user_id, days.local_day(uow.now))
    return Turn(said.frame["text"], [_line(entry) for entry in lines], around)


def _line(entry: ConversationEntry) -> Said:
    return Said("member" if entry.kind == "said" else "model", entry.frame["text"])


async def _surroundings(uow: UnitOfWork, user_id: UUID, today: date) -> Surroundings:
    goals = await repository.goals_page(uow, user_id, MOST_GOALS, None, None)
    counts = await repository.task_counts(uow, user_id, [goal.id for goal in goals])
    ranks = {
        domain: (await progression.standing_in(uow, user_id, domain)).rank
        for domain in {goal.domain for goal in goals if goal.domain is not None}
    }
    titles = {goal.id: goal.title for goal in goals}
    unfinished = [task for task, _ in await repository.unfinished(uow, user_id)]
    unfinished.sort(key=lambda task: (task.scheduled_on or date.max, task.id))
    of_today = await repository.tasks_on(uow, user_id, today, MOST_DONE, None, late_too=False)
    tasks = unfinished[:MOST_TASKS] + [task for task in of_today if task.status == "done"]
    return Surroundings(
        today=today,
        last_deadline=date(today.year + LONGEST_YEARS, today.month, 1),
        goals=[
            KnownGoal(
                title=goal.title,
                deadline=goal.deadline,
                status=goal.status,
                domain=goal.domain,
                rank=ranks.get(goal.domain or ""),
                tasks_done=counts[goal.id].done if goal.id in counts else 0,
                tasks_total=counts[goal.id].total if goal.id in counts else 0,
            )
            for goal in goals
        ],
        tasks=[
            _known(f"t{number}", task, titles.get(task.goal_id, ""))
            for number, task in enumerate(tasks, 1)
        ],
        domains=await progression.domain_texts(uow),
    )


def _known(key: str, task: Task, goal: str) -> KnownTask:
    status = cast(Literal["open", "done", "missed"], task.status)  # What is dropped is not read.
    return KnownTask(key, task.id, task.title, goal, task.minutes, task.scheduled_on, status)


async def _asked(run: TaskRun, user_id: UUID, turn: Turn, cause: str) -> Reply[Talk]:
    around = turn.around
    question = PROMPT.question(
        {
            "message": turn.message,
            "today": f"{around.today}, {around.today:%A}",
            "last_deadline": str(around.last_deadline),
            "goals": [goal.shown for goal in around.goals],
            "tasks": [task.shown for task in around.tasks],
            "domains": in_brief(around.domains),
        },
        answer=Talk,
        offline=lambda: wishes.answered(turn.message, around),
        check=lambda talk: faults(talk, around),
        history=turn.history,
    )
    return await ai.ask(
        run,
        question,
        member=user_id,
        feature=FEATURE,
        prompt=PROMPT,
        cause=cause,
        offline_when_spent=True,
    )


def _notes(reply: Reply[Talk]) -> list[str]:
    if reply.provider != OFFLINE or not reply.faults:
        return []
    return [NOTES.get(reply.faults[-1].kind, OTHERWISE)]


def _changes(
    ideas: Sequence[Idea], around: Surroundings, preview: Rescheduling | None
) -> list[Change]:
    found: list[Change] = []
    for idea in ideas:
        change = _change(idea, around, preview)
        if change is not None and change not in found:
            found.append(change)
    return found


def _change(idea: Idea, around: Surroundings, preview: Rescheduling | None) -> Change | None:
    """Make of an idea what is stored; None if there is nothing to do."""
    if isinstance(idea, GoalIdea):
        return NewGoal.model_validate(idea.model_dump())
    if isinstance(idea, MoveIdea | OutcomeIdea):
        task = around.task(idea.task)
        assert task is not None  # `faults` lets no other through, and the rules make none.
        if isinstance(idea, MoveIdea):
            return MoveTask(task_id=task.id, title=task.title, was_on=task.scheduled_on, to=idea.to)
        return TaskOutcome(task_id=task.id, title=task.title, was=task.status, status=idea.status)
    if preview is None or not shown(preview).moves:
        return None
    return NewDays(rescheduling_id=preview.id, moves=shown(preview).moves)


def _proposed(uow: UnitOfWork, user_id: UUID, conversation_id: UUID, change: Change) -> ProposalOut:
    proposal = ConversationProposal(
        user_id=user_id,
        id=new_id(),
        conversation_id=conversation_id,
        change=change.model_dump(mode="json"),
        state="open",
        created_at=uow.now,
        expires_at=uow.now + PROPOSAL_LIVES,
    )
    uow.session.add(proposal)
    return ProposalOut(
        id=proposal.id, summary=summary(change), change=change, expires_at=proposal.expires_at
    )
