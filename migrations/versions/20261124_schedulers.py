"""schedulers and their fires"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_schedulers"
down_revision = "20261124_rights"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedulers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kwargs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("crontab", sa.String(length=256), nullable=True),
        sa.Column("interval_every", sa.Integer(), nullable=True),
        sa.Column("interval_period", sa.String(length=16), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("one_off", sa.Boolean(), nullable=False),
        sa.Column("overlap", sa.String(length=16), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("catchup_seconds", sa.Integer(), nullable=False),
        sa.Column("jitter_seconds", sa.Integer(), nullable=False),
        sa.Column("max_failures", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("webhook_url", sa.Text(), nullable=True),
        sa.Column("webhook_secret_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("synced_version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("total_run_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_schedulers_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedulers")),
    )
    op.create_index(
        "ix_schedulers_unsynced",
        "schedulers",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("version <> synced_version or deleted_at is not null"),
    )
    op.create_index(
        "ix_schedulers_user_id_created_at",
        "schedulers",
        ["user_id", sa.literal_column("created_at desc")],
        unique=False,
    )
    op.create_table(
        "scheduler_runs",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("scheduler_id", sa.UUID(), nullable=False),
        sa.Column("workflow_id", sa.String(length=128), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("webhook_status", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_scheduler_runs_run_id_runs"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["scheduler_id"],
            ["schedulers.id"],
            name=op.f("fk_scheduler_runs_scheduler_id_schedulers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduler_runs")),
    )
    op.create_index("ix_scheduler_runs_created_at", "scheduler_runs", ["created_at"], unique=False)
    op.create_index(
        "ix_scheduler_runs_open",
        "scheduler_runs",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("finished_at is null"),
    )
    op.create_index(op.f("ix_scheduler_runs_run_id"), "scheduler_runs", ["run_id"], unique=False)
    op.create_index(
        "ix_scheduler_runs_scheduler_id_created_at",
        "scheduler_runs",
        ["scheduler_id", sa.literal_column("created_at desc")],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_scheduler_runs_scheduler_id_created_at", table_name="scheduler_runs")
    op.drop_index(op.f("ix_scheduler_runs_run_id"), table_name="scheduler_runs")
    op.drop_index(
        "ix_scheduler_runs_open", table_name="scheduler_runs", postgresql_where=sa.text("finished_at is null")
    )
    op.drop_index("ix_scheduler_runs_created_at", table_name="scheduler_runs")
    op.drop_table("scheduler_runs")
    op.drop_index("ix_schedulers_user_id_created_at", table_name="schedulers")
    op.drop_index(
        "ix_schedulers_unsynced",
        table_name="schedulers",
        postgresql_where=sa.text("version <> synced_version or deleted_at is not null"),
    )
    op.drop_table("schedulers")
