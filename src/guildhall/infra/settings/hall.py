"""The hall as a whole, and what it writes down."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from guildhall.infra.settings.base import Concern, Span

__all__ = ["HallSettings", "LogSettings"]


class HallSettings(Concern):
    """The hall as a whole."""

    hall_mode: Literal["development", "production"] = Field(
        "development",
        description="`production` lets admins administer only with a second factor, and starts"
        " only with a PUBLIC_URL over https and hosts that are named (no `*` in TRUSTED_HOSTS).",
    )
    data_dir: Path = Field(Path("data"), description="Everything the hall keeps on this machine.")
    seed_starter_content: bool = Field(
        True, description="`guildhall up` loads the starter content into a hall without challenges."
    )


class LogSettings(Concern):
    """Structured logs."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least urgent lines that are written."
    )
    log_format: Literal["json", "console"] = Field(
        "json",
        description="On standard output: `json` for machines, `console` for people.",
    )
    log_dir: Path | None = Field(
        None,
        description="Folder for files of JSON lines, besides standard output. Unset: none, but "
        "`guildhall up` keeps them in `DATA_DIR/logs`; empty: none there either.",
    )
    log_rotation: Span = Field(timedelta(days=1), description="How long one log file is used.")
    log_retention: Span = Field(
        timedelta(days=30), description="How long a log file is kept after its last line."
    )

    @field_validator("log_dir", mode="before")
    @classmethod
    def _empty_for_none(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _kept_while_used(self) -> Self:
        if self.log_retention < self.log_rotation:
            raise ValueError(
                "LOG_ROTATION <= LOG_RETENTION must hold, or a file is removed while it is used"
            )
        return self
