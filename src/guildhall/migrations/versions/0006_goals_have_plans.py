"""Goals: what members want to reach, the plans for it, and what they learned on the way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PRIVATE = (
    "goals",
    "plans",
    "milestones",
    "milestone_challenges",
    "tasks",
    "task_dependencies",
    "task_activities",
    "task_reviews",
    "review_cards",
    "reschedulings",
    "task_abilities",
    "work_days",
)

# As in 0004. The setting is read once a statement: a subquery that depends on no row.
IN_REACH = """(
    (SELECT current_setting('guildhall.member', true)) = 'hall'
    OR user_id = (SELECT nullif(nullif(current_setting('guildhall.member', true), ''), 'hall')::uuid)
)"""


def upgrade() -> None:
    op.execute("""
        DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the extension vector is missing, and % may not make it',
                    current_user
                USING ERRCODE = 'insufficient_privilege',
                    HINT = 'As a superuser, in this database: CREATE EXTENSION vector';
        END $$
    """)
    op.create_table(
        "goal_templates",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("keywords", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("embedding", Vector(384), nullable=True),
        sa.Column("embedding_model", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain"],
            ["domains.slug"],
            name=op.f("fk_goal_templates_domain_domains"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_goal_templates")),
    )
    op.create_index(
        "ix_goal_templates_near",
        "goal_templates",
        ["embedding"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
    op.create_table(
        "domain_points",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("embedding", Vector(384), nullable=False),
        sa.Column("embedding_model", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain"],
            ["domains.slug"],
            name=op.f("fk_domain_points_domain_domains"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_points")),
    )
    op.create_table(
        "reschedulings",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("layout", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'accepted', 'overtaken')", name=op.f("ck_reschedulings_state")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_reschedulings_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_reschedulings")),
    )
    op.create_index(
        "uq_reschedulings_open",
        "reschedulings",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "task_abilities",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("rating", sa.Double(), nullable=False),
        sa.Column("deviation", sa.Double(), nullable=False),
        sa.Column("games", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_task_abilities_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "domain", name=op.f("pk_task_abilities")),
    )
    op.create_table(
        "work_days",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("planned_minutes", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("done_minutes", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("xp", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_work_days_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "local_day", name=op.f("pk_work_days")),
    )
    op.create_table(
        "goals",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=False),
        sa.Column("minutes_per_day", sa.SmallInteger(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="analysing", nullable=False),
        sa.Column("findings", postgresql.JSONB(), nullable=True),
        sa.Column("rank", postgresql.JSONB(), nullable=True),
        sa.Column("embedding", Vector(384), nullable=True),
        sa.Column("embedding_model", sa.Text(), nullable=True),
        sa.Column("last_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("planning", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('analysing', 'proposed', 'active', 'completed', 'abandoned')",
            name=op.f("ck_goals_status"),
        ),
        sa.CheckConstraint(
            "minutes_per_day BETWEEN 5 AND 1440", name=op.f("ck_goals_minutes_per_day")
        ),
        sa.ForeignKeyConstraint(
            ["domain"], ["domains.slug"], name=op.f("fk_goals_domain_domains"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["template"],
            ["goal_templates.slug"],
            name=op.f("fk_goals_template_goal_templates"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_goals_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_goals")),
    )
    op.create_index(
        "ix_goals_active",
        "goals",
        ["user_id", "id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('completed', 'abandoned')"),
    )
    op.create_index(
        "ix_goals_near",
        "goals",
        ["embedding"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
    op.create_table(
        "milestones",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id", "goal_id"],
            ["goals.user_id", "goals.id"],
            name=op.f("fk_milestones_user_id_goal_id_goals"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_milestones")),
    )
    op.create_index(
        op.f("ix_milestones_user_id_goal_id"), "milestones", ["user_id", "goal_id"], unique=False
    )
    op.create_table(
        "plans",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("layout", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'accepted', 'overtaken')", name=op.f("ck_plans_state")
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "goal_id"],
            ["goals.user_id", "goals.id"],
            name=op.f("fk_plans_user_id_goal_id_goals"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "goal_id", "version", name=op.f("pk_plans")),
    )
    op.create_table(
        "milestone_challenges",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("milestone_id", sa.Uuid(), nullable=False),
        sa.Column("challenge_id", sa.Uuid(), nullable=False),
        sa.Column("passed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["challenge_id"],
            ["challenges.id"],
            name=op.f("fk_milestone_challenges_challenge_id_challenges"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "milestone_id"],
            ["milestones.user_id", "milestones.id"],
            name=op.f("fk_milestone_challenges_user_id_milestone_id_milestones"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "user_id", "milestone_id", "challenge_id", name=op.f("pk_milestone_challenges")
        ),
    )
    op.create_index(
        op.f("ix_milestone_challenges_user_id_challenge_id"),
        "milestone_challenges",
        ["user_id", "challenge_id"],
        unique=False,
    )
    op.create_table(
        "tasks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("milestone_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("review_of", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.Column("difficulty", sa.Text(), nullable=False),
        sa.Column("scheduled_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("percent", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("spent_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("misses", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("first_outcome", sa.Text(), nullable=True),
        sa.Column("xp", sa.Integer(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "difficulty IN ('easy', 'medium', 'hard', 'expert')", name=op.f("ck_tasks_difficulty")
        ),
        sa.CheckConstraint(
            "first_outcome IN ('done', 'missed')", name=op.f("ck_tasks_first_outcome")
        ),
        sa.CheckConstraint("kind IN ('do', 'practise', 'review')", name=op.f("ck_tasks_kind")),
        sa.CheckConstraint(
            "status IN ('open', 'done', 'missed', 'dropped')", name=op.f("ck_tasks_status")
        ),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1440", name=op.f("ck_tasks_minutes")),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_tasks_percent")),
        sa.ForeignKeyConstraint(
            ["user_id", "goal_id"],
            ["goals.user_id", "goals.id"],
            name=op.f("fk_tasks_user_id_goal_id_goals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "milestone_id"],
            ["milestones.user_id", "milestones.id"],
            name=op.f("fk_tasks_user_id_milestone_id_milestones"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_tasks")),
    )
    op.create_index("ix_tasks_day", "tasks", ["user_id", "scheduled_on", "id"], unique=False)
    op.create_index(
        "ix_tasks_open",
        "tasks",
        ["user_id", "scheduled_on"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'missed')"),
    )
    op.create_index(
        "ix_tasks_overdue",
        "tasks",
        ["scheduled_on"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_tasks_plan", "tasks", ["user_id", "goal_id", "position"], unique=False)
    op.create_index(
        "uq_tasks_review",
        "tasks",
        ["user_id", "review_of"],
        unique=True,
        postgresql_where=sa.text("status = 'open' AND review_of IS NOT NULL"),
    )
    op.create_table(
        "review_cards",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("stability", sa.Double(), nullable=False),
        sa.Column("difficulty", sa.Double(), nullable=False),
        sa.Column("due_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("lapses", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "task_id"],
            ["tasks.user_id", "tasks.id"],
            name=op.f("fk_review_cards_user_id_task_id_tasks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "task_id", name=op.f("pk_review_cards")),
    )
    op.create_index(
        op.f("ix_review_cards_user_id_due_day"),
        "review_cards",
        ["user_id", "due_day"],
        unique=False,
    )
    op.create_table(
        "task_activities",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=True),
        sa.Column("percent", sa.SmallInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('worked', 'done', 'missed', 'reopened', 'moved', 'noted')",
            name=op.f("ck_task_activities_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "task_id"],
            ["tasks.user_id", "tasks.id"],
            name=op.f("fk_task_activities_user_id_task_id_tasks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_task_activities")),
    )
    op.create_index(
        op.f("ix_task_activities_user_id_local_day"),
        "task_activities",
        ["user_id", "local_day"],
        unique=False,
    )
    op.create_index(
        op.f("ix_task_activities_user_id_task_id_id"),
        "task_activities",
        ["user_id", "task_id", "id"],
        unique=False,
    )
    op.create_table(
        "task_dependencies",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("depends_on", sa.Uuid(), nullable=False),
        sa.CheckConstraint("task_id <> depends_on", name=op.f("ck_task_dependencies_not_itself")),
        sa.ForeignKeyConstraint(
            ["user_id", "depends_on"],
            ["tasks.user_id", "tasks.id"],
            name=op.f("fk_task_dependencies_user_id_depends_on_tasks"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "task_id"],
            ["tasks.user_id", "tasks.id"],
            name=op.f("fk_task_dependencies_user_id_task_id_tasks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "user_id", "task_id", "depends_on", name=op.f("pk_task_dependencies")
        ),
    )
    op.create_index(
        op.f("ix_task_dependencies_user_id_depends_on"),
        "task_dependencies",
        ["user_id", "depends_on"],
        unique=False,
    )
    op.create_table(
        "task_reviews",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "task_id"],
            ["tasks.user_id", "tasks.id"],
            name=op.f("fk_task_reviews_user_id_task_id_tasks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_task_reviews")),
    )
    op.create_index(
        op.f("ix_task_reviews_user_id_task_id_id"),
        "task_reviews",
        ["user_id", "task_id", "id"],
        unique=False,
    )
    op.add_column(
        "users",
        sa.Column("daily_capacity_minutes", sa.SmallInteger(), server_default="60", nullable=False),
    )
    op.add_column(
        "users",
        sa.Column("rest_days", sa.ARRAY(sa.SmallInteger()), server_default="{}", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_users_daily_capacity_minutes"),
        "users",
        "daily_capacity_minutes BETWEEN 5 AND 960",
    )
    for table in PRIVATE:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own ON {table} USING {IN_REACH}")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_users_daily_capacity_minutes"), "users", type_="check")
    op.drop_column("users", "rest_days")
    op.drop_column("users", "daily_capacity_minutes")
    for table in reversed(PRIVATE):
        op.drop_table(table)
    op.drop_table("domain_points")
    op.drop_table("goal_templates")
    # The extension stays: whoever runs the database may have made it, and for more than this.
