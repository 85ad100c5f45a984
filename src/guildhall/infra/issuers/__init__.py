"""Issuers elsewhere: what they publish, and whether a token is theirs."""

from guildhall.infra.issuers.documents import RemoteDocument
from guildhall.infra.issuers.issuers import Issuers
from guildhall.infra.issuers.jwks import Jwks
from guildhall.infra.issuers.metadata import ProviderMetadata, is_safe_address
from guildhall.infra.issuers.outbound import (
    Outbound,
    RemoteRefused,
    RemoteUnavailable,
    open_outbound,
)
from guildhall.infra.issuers.tokens import LEEWAY_SECONDS, Unverified, check_times, take_apart

__all__ = [
    "LEEWAY_SECONDS",
    "Issuers",
    "Jwks",
    "Outbound",
    "ProviderMetadata",
    "RemoteDocument",
    "RemoteRefused",
    "RemoteUnavailable",
    "Unverified",
    "check_times",
    "is_safe_address",
    "open_outbound",
    "take_apart",
]
