"""Placing tasks on days: under capacity, after what they depend on, before their deadline."""

from guildhall.goals.scheduling.greedy import greedy
from guildhall.goals.scheduling.placement import Calendar, Placement, Why, Work, violations
from guildhall.goals.scheduling.placing import place

__all__ = ["Calendar", "Placement", "Why", "Work", "greedy", "place", "violations"]
