"""A challenge knows what it unlocks: prerequisites are found from their other end, too."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_challenge_requirements_requires_id"), "challenge_requirements", ["requires_id"]
    )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_challenge_requirements_requires_id"), table_name="challenge_requirements"
    )
