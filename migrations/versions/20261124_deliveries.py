"""when an answer reached its workflow"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_deliveries"
down_revision = "20261124_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interrupts", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("update interrupts set delivered_at = answered_at")


def downgrade() -> None:
    op.drop_column("interrupts", "delivered_at")
