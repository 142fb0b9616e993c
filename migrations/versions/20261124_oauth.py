"""accounts at GitHub and Google that open a user"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_oauth"
down_revision = "20261124_sandboxes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oauth_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("login", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_oauth_links_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_links")),
        sa.UniqueConstraint("provider", "subject", name="uq_oauth_links_provider_subject"),
        sa.UniqueConstraint("user_id", "provider", name="uq_oauth_links_user_id_provider"),
    )


def downgrade() -> None:
    op.drop_table("oauth_links")
