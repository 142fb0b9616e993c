"""calls of tools that must not run twice; what results rest on"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_tool_calls"
down_revision = "20261124_deliveries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "begun_calls",
        sa.Column("call_id", sa.String(160), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_begun_calls_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_begun_calls")),
    )
    op.create_index(op.f("ix_begun_calls_run_id"), "begun_calls", ["run_id"])
    op.add_column("messages", sa.Column("sources", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "sources")
    op.drop_table("begun_calls")
