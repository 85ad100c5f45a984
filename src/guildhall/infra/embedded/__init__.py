"""The hall's own PostgreSQL and Valkey, for whoever has none: one command, no servers to set up."""

from guildhall.infra.embedded.lock import HallLock, Occupancy
from guildhall.infra.embedded.postgres import EmbeddedPostgres
from guildhall.infra.embedded.premises import Premises
from guildhall.infra.embedded.processes import ServerFailed
from guildhall.infra.embedded.servers import EmbeddedServers, servers_for
from guildhall.infra.embedded.valkey import EmbeddedValkey

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedServers",
    "EmbeddedValkey",
    "HallLock",
    "Occupancy",
    "Premises",
    "ServerFailed",
    "servers_for",
]
