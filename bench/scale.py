"""How large and how long: the full run and the smoke run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Scale"]


@dataclass(frozen=True)
class Scale:
    """Sizes and times of a run. Times are in seconds."""

    rounds: int

    # (a) awards
    backlog: int
    backlog_members: int
    baseline_window: float

    # (b) latency
    latency_seconds: float
    knee_seconds: float
    knee_rates: tuple[int, ...]

    # (c) requests
    request_seconds: float
    request_members: int
    request_challenges: int

    # (d) growth
    growth_members: tuple[int, ...]
    growth_backlog: int
    growth_budget: float

    # (e) sign-in
    guesses: int

    # (g) plans
    plan_goals: int
    plan_years: int
    plan_days: int

    # (f) learning
    learning_members: int


FULL = Scale(
    rounds=3,
    backlog=20_000,
    backlog_members=1_000,
    baseline_window=12,
    latency_seconds=15,
    knee_seconds=6,
    knee_rates=(25, 50, 75, 100, 125, 150, 200, 250, 300, 350, 400, 500, 600, 800),
    request_seconds=5,
    request_members=1_000,
    request_challenges=80,
    growth_members=(1_000, 100_000, 1_000_000),
    growth_backlog=5_000,
    growth_budget=900,
    guesses=300,
    plan_goals=1_000,
    plan_years=5,
    plan_days=200,
    learning_members=400,
)

QUICK = Scale(
    rounds=1,
    backlog=4_000,
    backlog_members=200,
    baseline_window=4,
    latency_seconds=4,
    knee_seconds=2,
    knee_rates=(25, 50, 100, 200),
    request_seconds=1.5,
    request_members=300,
    request_challenges=50,
    growth_members=(1_000, 20_000),
    growth_backlog=1_000,
    growth_budget=150,
    guesses=20,
    plan_goals=50,
    plan_years=2,
    plan_days=20,
    learning_members=40,
)
