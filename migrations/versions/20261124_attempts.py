"""one answer a step, whichever attempt wrote last"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_attempts"
down_revision = "20261124_tool_calls"
branch_labels = None
depends_on = None

_ANSWERS = sa.text("role = 'assistant' and step > 0")


def upgrade() -> None:
    op.add_column("messages", sa.Column("attempt", sa.Integer(), server_default="1", nullable=False))
    op.execute(
        "delete from messages older using messages newer where older.run_id = newer.run_id and older.step = newer.step "
        "and older.role = 'assistant' and newer.role = 'assistant' and older.step > 0 and older.seq < newer.seq"
    )
    op.create_index(
        "uq_messages_run_id_step_answer", "messages", ["run_id", "step"], unique=True, postgresql_where=_ANSWERS
    )


def downgrade() -> None:
    op.drop_index("uq_messages_run_id_step_answer", table_name="messages", postgresql_where=_ANSWERS)
    op.drop_column("messages", "attempt")
