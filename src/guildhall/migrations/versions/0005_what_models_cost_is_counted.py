"""What models cost is counted: turns, a ledger of their calls, and budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PRIVATE = ("ai_turns", "ai_calls", "ai_budgets")

# As in 0004. The setting is read once a statement: a subquery that depends on no row.
IN_REACH = """(
    (SELECT current_setting('guildhall.member', true)) = 'hall'
    OR user_id = (SELECT nullif(nullif(current_setting('guildhall.member', true), ''), 'hall')::uuid)
)"""


def upgrade() -> None:
    op.create_table(
        "ai_turns",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'settled', 'dropped')", name=op.f("ck_ai_turns_state")
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_ai_turns")),
    )
    op.create_index(
        "uq_ai_turns_cause",
        "ai_turns",
        ["user_id", "cause"],
        unique=True,
        postgresql_where=sa.text("cause IS NOT NULL"),
    )
    op.create_index(op.f("ix_ai_turns_created_at"), "ai_turns", ["created_at"])
    op.create_index(
        "ix_ai_turns_abandoned",
        "ai_turns",
        ["lease_until"],
        postgresql_where=sa.text("state = 'open' AND cause IS NULL"),
    )
    op.create_index(
        "ix_ai_turns_answers",
        "ai_turns",
        ["settled_at"],
        postgresql_where=sa.text("answer IS NOT NULL"),
    )
    op.create_table(
        "ai_calls",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="reserved", nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("estimated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('reserved', 'settled', 'lost')", name=op.f("ck_ai_calls_state")
        ),
        sa.CheckConstraint(
            "reserved_micros >= 0 AND cost_micros >= 0", name=op.f("ck_ai_calls_micros")
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_ai_calls")),
    )
    op.create_index(op.f("ix_ai_calls_day_feature"), "ai_calls", ["day", "feature"])
    op.create_index(
        "ix_ai_calls_leases",
        "ai_calls",
        ["lease_until"],
        postgresql_where=sa.text("state = 'reserved'"),
    )
    op.create_index(op.f("ix_ai_calls_user_id_turn_id"), "ai_calls", ["user_id", "turn_id"])
    op.create_table(
        "ai_budgets",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("limit_calls", sa.Integer(), nullable=True),
        sa.Column("reserved_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spent_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "scope IN ('member', 'feature', 'hall')", name=op.f("ck_ai_budgets_scope")
        ),
        sa.CheckConstraint(
            "reserved_micros >= 0 AND spent_micros >= 0", name=op.f("ck_ai_budgets_micros")
        ),
        sa.PrimaryKeyConstraint("user_id", "scope", "name", "period", name=op.f("pk_ai_budgets")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(op.f("ix_ai_budgets_period_scope"), "ai_budgets", ["period", "scope"])
    for table in PRIVATE:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own ON {table} USING {IN_REACH}")


def downgrade() -> None:
    for table in PRIVATE:
        op.drop_table(table)
