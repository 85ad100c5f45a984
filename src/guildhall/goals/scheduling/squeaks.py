"""First fit again and again, the squeaky wheels first: what found no day moves ahead."""

from __future__ import annotations

from collections.abc import Sequence

from guildhall.goals.scheduling.greedy import Problem, first_fit, followers_of, sorted_by

__all__ = ["squeaky_wheels"]

STEP_SHARE = 0.1
"""How far what found no day moves ahead, as a share of all."""


def squeaky_wheels(problem: Problem, kept: Sequence[int | None], rounds: int) -> list[int]:
    """Give the best of many first fits, from the order of `Problem` and from that of worth.

    After each, what has no day though all that it depends on has one moves ahead in the order, and
    that with it ("squeaky wheel optimization", Joslin and Clements 1999). Costs one first fit a
    round; where little has to be left out, it finds far more room than one order does.
    """
    number = len(problem.keys)
    followers = followers_of(problem.depends_on)
    found: list[list[int]] = []
    for ranks in ([float(item) for item in range(number)], _ranks_by_worth(problem, followers)):
        for _ in range(rounds):
            for item in reversed(range(number)):
                for other in problem.depends_on[item]:
                    ranks[other] = min(ranks[other], ranks[item])
            order = sorted_by(
                problem.depends_on, followers, [(ranks[item], item) for item in range(number)]
            )
            days = first_fit(problem, kept, order)
            found.append(days)
            squeaking = [
                item
                for item, day in enumerate(days)
                if day == problem.nowhere
                and all(days[other] != problem.nowhere for other in problem.depends_on[item])
            ]
            if not squeaking:
                break
            for item in squeaking:
                ranks[item] -= max(1.0, number * STEP_SHARE)
    return min(found, key=problem.score)


def _ranks_by_worth(problem: Problem, followers: Sequence[Sequence[int]]) -> list[float]:
    """Rank by weight for each minute, over one and all that waits for it."""
    worth = []
    for item in range(len(followers)):
        reached, ahead = {item}, [item]
        while ahead:
            new = set(followers[ahead.pop()]) - reached
            reached |= new
            ahead += new
        worth.append(
            sum(problem.weights[other] for other in reached)
            / max(1, sum(problem.minutes[other] for other in reached))
        )
    ranks = [0.0] * len(worth)
    for rank, item in enumerate(sorted(range(len(worth)), key=lambda item: -worth[item])):
        ranks[item] = float(rank)
    return ranks
