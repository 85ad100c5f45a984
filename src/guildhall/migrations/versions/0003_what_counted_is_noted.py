"""First attempts count once, and moving to another time zone opens no second day."""

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
    op.drop_constraint(op.f("pk_self_xp_days"), "self_xp_days")
    op.alter_column("self_xp_days", "local_day", new_column_name="day")
    op.add_column(
        "self_xp_days", sa.Column("clock", sa.Text(), server_default="own", nullable=False)
    )
    op.alter_column("self_xp_days", "clock", server_default=None)
    op.create_primary_key(op.f("pk_self_xp_days"), "self_xp_days", ["user_id", "clock", "day"])
    op.create_check_constraint(
        op.f("ck_self_xp_days_clock"), "self_xp_days", "clock IN ('own', 'utc')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM self_xp_days WHERE clock <> 'own'")
    op.drop_constraint(op.f("pk_self_xp_days"), "self_xp_days")
    op.drop_column("self_xp_days", "clock")  # Its check goes with it.
    op.alter_column("self_xp_days", "day", new_column_name="local_day")
    op.create_primary_key(op.f("pk_self_xp_days"), "self_xp_days", ["user_id", "local_day"])
    op.drop_column("challenge_records", "calibrated")
