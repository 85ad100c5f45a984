"""First attempts count once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added as true, which rewrites no row; then false for the few that have still to count: those
    # without a grade, and those whose event waits for its reader.
    op.add_column(
        "challenge_records",
        sa.Column("calibrated", sa.Boolean(), server_default="true", nullable=False),
    )
    op.alter_column("challenge_records", "calibrated", server_default="false")
    op.execute("UPDATE challenge_records SET calibrated = false WHERE graded = 0")
    op.execute("""
        UPDATE challenge_records r SET calibrated = false FROM outbox_events o
        WHERE o.handler = 'challenges.calibrate_ratings' AND o.state <> 'done'
          AND o.payload->>'first' = 'true' AND r.user_id = o.subject_id
          AND r.challenge_id = CAST(o.payload->>'challenge_id' AS uuid)
    """)


def downgrade() -> None:
    op.drop_column("challenge_records", "calibrated")
