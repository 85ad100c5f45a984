"""Workers claim for themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "outbox_events",
        sa.Column("losses", sa.SmallInteger(), server_default="0", nullable=False),
    )
    # Rows are claimed by state, never by "id above the last one": ids become visible out of order.
    # A subject with an event under way, or with one waiting for its retry, is passed over, which
    # keeps its events in order. For that, claims of one reader take turns, and each must see what
    # the one before it has claimed: hence a function, whose second statement has a snapshot that
    # is younger than the lock. Those in the way are few and looked up in a hash, so a claim costs
    # what it claims, however much is waiting. An event that was lost twice is claimed alone: it
    # may be what its workers died of.
    op.execute("""
        CREATE FUNCTION claim_events(
            reader text, lease uuid, most integer, lease_seconds double precision
        ) RETURNS integer LANGUAGE plpgsql AS $$
        DECLARE number integer;
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('claim:' || reader, 0));
            WITH candidates AS (
                SELECT o.id, o.losses FROM outbox_events o
                WHERE o.handler = reader AND o.state = 'waiting' AND o.available_at <= now()
                  AND (o.subject_id IS NULL OR o.subject_id NOT IN (
                    SELECT e.subject_id FROM outbox_events e
                    WHERE e.handler = reader AND e.subject_id IS NOT NULL
                      AND (e.state = 'claimed' OR (e.state = 'waiting' AND e.attempts > 0))
                      AND (e.state = 'claimed' OR e.available_at > now())))
                ORDER BY o.id LIMIT most
                FOR UPDATE SKIP LOCKED
            ), chosen AS (
                SELECT c.id FROM candidates c
                WHERE c.id = (SELECT min(id) FROM candidates)
                   OR c.losses < 2 AND (SELECT losses < 2 FROM candidates ORDER BY id LIMIT 1)
            )
            UPDATE outbox_events o
            SET state = 'claimed', lease_id = lease, attempts = o.attempts + 1,
                lease_until = now() + make_interval(secs => lease_seconds)
            FROM chosen c WHERE o.id = c.id;
            GET DIAGNOSTICS number = ROW_COUNT;
            RETURN number;
        END
        $$
    """)


def downgrade() -> None:
    op.execute("DROP FUNCTION claim_events")
    op.drop_column("outbox_events", "losses")
