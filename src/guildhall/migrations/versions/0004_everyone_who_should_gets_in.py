"""Everyone who should gets in, nobody else does: more ways in, and a second wall under the rows."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op
from pwdlib.hashers.argon2 import Argon2Hasher

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PRIVATE = {
    "user_id": (
        "active_sessions",
        "api_keys",
        "attempts",
        "challenge_records",
        "data_exports",
        "devices",
        "email_verification_tokens",
        "external_identities",
        "idempotency_keys",
        "member_abilities",
        "passkeys",
        "password_reset_tokens",
        "recovery_codes",
        "self_xp_days",
        "totp_secrets",
    ),
    "subject_id": ("activities", "streak_freeze_uses", "xp_ledger"),
}
SHOWN = (
    "board_entries",
    "domain_ranks",
    "season_results",
    "streak_pauses",
    "subject_badges",
    "subject_progress",
)
APPEND_ONLY = ("audit_log", "xp_ledger")

# The setting is read once a statement: a subquery that depends on no row. Unset, nothing matches.
IN_REACH = """(
    (SELECT current_setting('guildhall.member', true)) = 'hall'
    OR {owner} = (SELECT nullif(nullif(current_setting('guildhall.member', true), ''), 'hall')::uuid)
)"""


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "data_exports",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_data_exports_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_data_exports")),
    )
    op.create_table(
        "email_verification_tokens",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_email_verification_tokens_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_email_verification_tokens")),
    )
    op.create_table(
        "external_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_external_identities_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_external_identities")),
    )
    op.create_index(
        op.f("ix_external_identities_user_id"), "external_identities", ["user_id"], unique=False
    )
    op.create_table(
        "passkeys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("transports", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_passkeys_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_passkeys")),
    )
    op.create_index(
        op.f("ix_passkeys_user_id_credential_id"),
        "passkeys",
        ["user_id", "credential_id"],
        unique=True,
    )
    op.create_table(
        "password_reset_tokens",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_password_reset_tokens_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_password_reset_tokens")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_recovery_codes_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "totp_secrets",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_totp_secrets_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_totp_secrets")),
    )
    op.add_column(
        "active_sessions",
        sa.Column(
            "authenticated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.add_column(
        "active_sessions",
        sa.Column("second_factor", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "active_sessions",
        sa.Column("transport", sa.Text(), server_default="bearer", nullable=False),
    )
    op.add_column(
        "users", sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "users", sa.Column("first_verified_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("users", sa.Column("erase_after", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("users", "password_hash", existing_type=sa.TEXT(), nullable=True)
    op.drop_constraint(op.f("ck_users_status"), "users", type_="check")
    op.create_check_constraint(
        op.f("ck_users_status"), "users", "status IN ('active', 'suspended', 'erased')"
    )
    op.create_check_constraint(
        op.f("ck_active_sessions_transport"), "active_sessions", "transport IN ('bearer', 'cookie')"
    )
    op.drop_constraint(op.f("uq_users_email_key"), "users", type_="unique")
    op.create_index("ix_users_email", "users", ["email_key", "id"], unique=False)
    for name in ("username", "email"):
        op.create_index(
            f"ix_users_{name}_start",
            "users",
            [f"{name}_key"],
            unique=False,
            postgresql_ops={f"{name}_key": "text_pattern_ops"},
        )
    op.create_index(op.f("ix_audit_log_address_id"), "audit_log", ["address", "id"], unique=False)
    op.create_index(
        "ix_users_erase",
        "users",
        ["erase_after"],
        unique=False,
        postgresql_where=sa.text("erase_after IS NOT NULL"),
    )
    op.create_index(
        "ix_users_verified_email",
        "users",
        ["email_key"],
        unique=True,
        postgresql_where=sa.text("email_verified_at IS NOT NULL"),
    )
    # Who signed in before this release did so when their session was opened; and what an earlier
    # step back had to change is as it was.
    op.execute("UPDATE active_sessions SET authenticated_at = created_at")
    op.execute("UPDATE users SET email_key = lower(email) WHERE email_key = id::text")
    op.execute("UPDATE users SET status = 'erased' WHERE email LIKE '%@erased.invalid'")
    _build_second_wall()


def _build_second_wall() -> None:
    """Give the processes of the hall a role that owns nothing, and members' rows a policy."""
    # Roles belong to the whole cluster: another database of it may have made this one, just now.
    op.execute("""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'guildhall_app') THEN
                CREATE ROLE guildhall_app NOLOGIN;
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role guildhall_app is missing, and % may not make it',
                    current_user
                USING ERRCODE = 'insufficient_privilege',
                    HINT = 'As a superuser: CREATE ROLE guildhall_app NOLOGIN';
        END $$
    """)
    op.execute("""
        DO $$ BEGIN
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
               AND NOT pg_has_role(current_user, 'guildhall_app', 'SET') THEN
                EXECUTE format('GRANT guildhall_app TO %I', current_user);
            END IF;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION '% is not in the role guildhall_app', current_user
                USING ERRCODE = 'insufficient_privilege',
                    HINT = format('As a superuser: GRANT guildhall_app TO %I', current_user);
        END $$
    """)
    op.execute("GRANT USAGE ON SCHEMA public TO guildhall_app")
    for rights, things in (
        ("SELECT, INSERT, UPDATE, DELETE", "TABLES"),
        ("SELECT, USAGE", "SEQUENCES"),
    ):
        op.execute(f"GRANT {rights} ON ALL {things} IN SCHEMA public TO guildhall_app")
        op.execute(
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {things} TO guildhall_app"
        )
    op.execute("REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM guildhall_app")
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM guildhall_app")
    for owner, tables in PRIVATE.items():
        for table in tables:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY own ON {table} USING {IN_REACH.format(owner=owner)}")
    for table in SHOWN:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own ON {table} USING {IN_REACH.format(owner='subject_id')}")
        op.execute(f"CREATE POLICY shown ON {table} FOR SELECT USING (true)")
    # What is append-only forgets an erased member's traces, and nothing that adds up.
    # They run as their owner: every name in them is found where it was meant, never in a table that
    # the caller made for a moment; and the caller cannot make one.
    _everybody_may_make_temporary_tables(False)
    for name, forget in (
        (
            "forget_traces",
            (
                "UPDATE public.audit_log SET address = NULL, details = '{}', request_id = NULL"
                " WHERE actor_id = member OR target_id = member"
            ),
        ),
        (
            "forget_reasons",
            "UPDATE public.xp_ledger SET reason = NULL WHERE subject_id = member AND reason IS NOT NULL",
        ),
    ):
        op.execute(f"""
            CREATE FUNCTION {name}(member uuid) RETURNS void
            LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${forget}$$
        """)
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO guildhall_app")


def _everybody_may_make_temporary_tables(may: bool) -> None:
    verb, preposition = ("GRANT", "TO") if may else ("REVOKE", "FROM")
    op.execute(f"""
        DO $$ BEGIN
            EXECUTE format(
                '{verb} TEMPORARY ON DATABASE %I {preposition} PUBLIC', current_database()
            );
        END $$
    """)


def downgrade() -> None:
    _everybody_may_make_temporary_tables(True)
    op.execute("DROP FUNCTION forget_traces, forget_reasons")
    for table in (*PRIVATE["user_id"], *PRIVATE["subject_id"], *SHOWN):
        op.execute(f"DROP POLICY own ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for table in SHOWN:
        op.execute(f"DROP POLICY shown ON {table}")
    # Its rights in this database; the role itself may serve another one.
    op.execute("DROP OWNED BY guildhall_app")
    op.drop_index(
        "ix_users_verified_email",
        table_name="users",
        postgresql_where=sa.text("email_verified_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_users_erase", table_name="users", postgresql_where=sa.text("erase_after IS NOT NULL")
    )
    op.drop_index(op.f("ix_audit_log_address_id"), table_name="audit_log")
    for name in ("username", "email"):
        op.drop_index(f"ix_users_{name}_start", table_name="users")
    op.drop_index("ix_users_email", table_name="users")
    # What only this release allows makes way: addresses that several accounts claim, no password.
    op.execute(
        "UPDATE users SET email_key = id::text WHERE id NOT IN (SELECT DISTINCT ON (email_key) id FROM users ORDER BY email_key, email_verified_at NULLS LAST, id)"
    )
    nobodys = Argon2Hasher().hash(secrets.token_urlsafe())  # Of a password that nobody knows.
    op.execute(
        sa.text("UPDATE users SET password_hash = :hash WHERE password_hash IS NULL").bindparams(
            hash=nobodys
        )
    )
    op.execute("UPDATE users SET status = 'suspended' WHERE status = 'erased'")
    op.drop_constraint(op.f("ck_users_status"), "users", type_="check")
    op.create_check_constraint(
        op.f("ck_users_status"), "users", "status IN ('active', 'suspended')"
    )
    op.create_unique_constraint(
        op.f("uq_users_email_key"), "users", ["email_key"], postgresql_nulls_not_distinct=False
    )
    op.alter_column("users", "password_hash", existing_type=sa.TEXT(), nullable=False)
    op.drop_column("users", "erase_after")
    op.drop_column("users", "first_verified_at")
    op.drop_column("users", "email_verified_at")
    op.drop_column("active_sessions", "transport")
    op.drop_column("active_sessions", "second_factor")
    op.drop_column("active_sessions", "authenticated_at")
    op.drop_table("totp_secrets")
    op.drop_table("recovery_codes")
    op.drop_table("password_reset_tokens")
    op.drop_index(op.f("ix_passkeys_user_id_credential_id"), table_name="passkeys")
    op.drop_table("passkeys")
    op.drop_index(op.f("ix_external_identities_user_id"), table_name="external_identities")
    op.drop_table("external_identities")
    op.drop_table("email_verification_tokens")
    op.drop_table("data_exports")
    op.drop_table("api_keys")
