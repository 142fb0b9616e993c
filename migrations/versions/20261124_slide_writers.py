"""whether a slide's page was last written by its user"""

from alembic import op
import sqlalchemy as sa

revision = "20261124_slide_writers"
down_revision = "20261124_slide_digests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("slides", sa.Column("is_users", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    op.drop_column("slides", "is_users")
