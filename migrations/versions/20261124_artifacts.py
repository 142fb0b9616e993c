"""what artifacts are, and the parts of runs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_artifacts"
down_revision = "20261124_attempts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("artifacts", sa.Column("sha256", sa.String(64), nullable=False))
    op.add_column("artifacts", sa.Column("details", postgresql.JSONB(), nullable=False))
    op.create_table(
        "run_parts",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("usage", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_run_parts_run_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_parts")),
    )


def downgrade() -> None:
    op.drop_table("run_parts")
    op.drop_column("artifacts", "details")
    op.drop_column("artifacts", "sha256")
