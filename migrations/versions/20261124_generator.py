"""what code is generated for"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "20261124_generator"
down_revision = "20261124_oauth"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generated_tables",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("app_name", sa.String(length=20), nullable=False),
        sa.Column("singular", sa.String(length=32), nullable=False),
        sa.Column("comment", sa.String(length=500), nullable=False),
        sa.Column("timestamps", sa.Boolean(), nullable=False),
        sa.Column("is_imported", sa.Boolean(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generated_tables")),
        sa.UniqueConstraint("table_name", name=op.f("uq_generated_tables_table_name")),
    )


def downgrade() -> None:
    op.drop_table("generated_tables")
