"""variables of commands encrypted; Idempotency-Keys as their SHA-256"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_vault"
down_revision = "20261124_generator"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of commands that are being started at this moment alone: a variable is read once, and forgotten at the end.
    op.drop_column("sandbox_commands", "env")
    op.add_column("sandbox_commands", sa.Column("env", sa.LargeBinary(), nullable=True))
    op.execute("update idempotency_keys set key = encode(sha256(convert_to(key, 'UTF8')), 'hex')")


def downgrade() -> None:
    op.execute("delete from idempotency_keys")
    op.drop_column("sandbox_commands", "env")
    op.add_column("sandbox_commands", sa.Column("env", postgresql.JSONB(), nullable=True))
