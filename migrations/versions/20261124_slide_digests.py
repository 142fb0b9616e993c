"""the page that a slide and its sandbox last agreed on"""

from alembic import op
import sqlalchemy as sa

revision = "20261124_slide_digests"
down_revision = "20261124_rag"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("slides", sa.Column("mirrored_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("slides", "mirrored_sha256")
