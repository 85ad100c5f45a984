"""HTTP as the house speaks it: access, problems, units of work per request."""

from guildhall.infra.http.access import (
    Access,
    Client,
    CurrentMember,
    access_routers,
    limited,
)
from guildhall.infra.http.problems import PROBLEM_RESPONSES
from guildhall.infra.http.work import Reads, Writes, hall_of

__all__ = [
    "PROBLEM_RESPONSES",
    "Access",
    "Client",
    "CurrentMember",
    "Reads",
    "Writes",
    "access_routers",
    "hall_of",
    "limited",
]
