"""Members talk about their goals: what was said, and what was proposed and waits for a yes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PRIVATE = ("conversations", "conversation_entries", "conversation_proposals")

# As in 0004. The setting is read once a statement: a subquery that depends on no row.
IN_REACH = """(
    (SELECT current_setting('guildhall.member', true)) = 'hall'
    OR user_id = (SELECT nullif(nullif(current_setting('guildhall.member', true), ''), 'hall')::uuid)
)"""


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answering", sa.Uuid(), nullable=True),
        sa.Column("answering_seq", sa.Integer(), nullable=True),
        sa.Column("answer_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "num_nulls(answering, answering_seq, answer_until) IN (0, 3)",
            name=op.f("ck_conversations_answering"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_conversations_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_conversations")),
    )
    op.create_table(
        "conversation_entries",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("frame", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('said', 'answered', 'interrupted', 'decided')",
            name=op.f("ck_conversation_entries_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "conversation_id"],
            ["conversations.user_id", "conversations.id"],
            name=op.f("fk_conversation_entries_user_id_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "user_id", "conversation_id", "seq", name=op.f("pk_conversation_entries")
        ),
    )
    op.create_index(
        "uq_conversation_entries_client_id",
        "conversation_entries",
        ["user_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("client_id IS NOT NULL"),
    )
    op.create_table(
        "conversation_proposals",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("change", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'confirmed', 'declined', 'refused')",
            name=op.f("ck_conversation_proposals_state"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "conversation_id"],
            ["conversations.user_id", "conversations.id"],
            name=op.f("fk_conversation_proposals_user_id_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_conversation_proposals")),
    )
    op.create_index(
        op.f("ix_conversation_proposals_user_id_conversation_id"),
        "conversation_proposals",
        ["user_id", "conversation_id"],
        unique=False,
    )
    for table in PRIVATE:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own ON {table} USING {IN_REACH}")


def downgrade() -> None:
    for table in reversed(PRIVATE):
        op.drop_table(table)
