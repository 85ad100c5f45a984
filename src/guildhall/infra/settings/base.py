"""What every concern of the settings is made of."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["CommaSeparated", "Concern", "Span", "of_schemes"]

SPAN = re.compile(r"([1-9]\d{0,4}) ?(minute|hour|day|week)s?")


class Concern(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)


def _span(value: object) -> object:
    if not isinstance(value, str):
        return value
    if (said := SPAN.fullmatch(value.strip().lower())) is None:
        raise ValueError("say it as `30 minutes`, `12 hours`, `1 day` or `4 weeks`")
    return timedelta(**{f"{said[2]}s": int(said[1])})


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(filter(None, map(str.strip, value.split(","))))


Span = Annotated[timedelta, BeforeValidator(_span)]

CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def of_schemes(url: SecretStr | None, *schemes: str) -> SecretStr | None:
    """Refuse an address of another kind, without repeating it: it holds a password."""
    if url is not None and url.get_secret_value().partition("://")[0] not in schemes:
        raise ValueError(f"must begin with {schemes[0]}://")
    return url
