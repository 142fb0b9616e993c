"""credits: accounts, their append-only ledger, what each run has reserved"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_credits"
down_revision = "20261124_vault"
branch_labels = None
depends_on = None

AMOUNT = sa.Numeric(18, 6)


def upgrade() -> None:
    op.create_table(
        "credit_accounts",
        sa.Column("user_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("balance", AMOUNT, nullable=False),
        sa.Column("reserved", AMOUNT, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_credit_accounts_balance")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_credit_accounts_reserved")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_credit_accounts_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_credit_accounts")),
    )
    op.create_table(
        "credit_entries",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount", AMOUNT, nullable=False),
        sa.Column("reserved", AMOUNT, nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("run_kind", sa.String(32), nullable=False),
        sa.Column("key", sa.String(200), nullable=True),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("characters", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(18, 9), nullable=False),
        sa.Column("credits", AMOUNT, nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_credit_entries_actor_id_users")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_credit_entries_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entries")),
        sa.UniqueConstraint("run_id", "key", name=op.f("uq_credit_entries_run_id_key")),
    )
    op.create_index("ix_credit_entries_user_id_id", "credit_entries", ["user_id", sa.literal_column("id DESC")])
    op.create_index(
        "ix_credit_entries_charges", "credit_entries", ["created_at"], postgresql_where=sa.text("kind = 'charge'")
    )
    op.execute(
        "create function refuse_change() returns trigger language plpgsql as "
        "$$ begin raise exception '% is append-only', tg_table_name; end $$"
    )
    op.execute(
        "create trigger append_only before update or delete or truncate on credit_entries "
        "for each statement execute function refuse_change()"
    )
    op.add_column("runs", sa.Column("credits_reserved", AMOUNT, server_default="0", nullable=False))
    op.create_index(
        "ix_runs_unsettled",
        "runs",
        ["finished_at"],
        postgresql_where=sa.text("credits_reserved > 0 and finished_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_runs_unsettled", table_name="runs")
    op.drop_column("runs", "credits_reserved")
    op.drop_table("credit_entries")
    op.execute("drop function refuse_change()")
    op.drop_table("credit_accounts")
