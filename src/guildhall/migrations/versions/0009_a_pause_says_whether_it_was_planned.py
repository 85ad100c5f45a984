"""A pause says whether it was planned: who has moved their clock is not away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# What the hall itself has excused until now is known by its words.
EXCUSED = "The time zone or the start of the day was changed."


def upgrade() -> None:
    op.add_column(
        "streak_pauses",
        sa.Column("planned", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    pauses = sa.table("streak_pauses", sa.column("planned"), sa.column("reason"))
    op.execute(pauses.update().where(pauses.c.reason == EXCUSED).values(planned=False))


def downgrade() -> None:
    op.drop_column("streak_pauses", "planned")
