"""MCP servers; the coding agents that users have set"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_mcp"
down_revision = "20261124_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mcp_servers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("config", sa.LargeBinary(), nullable=False),
        sa.Column("sign_in", sa.LargeBinary(), nullable=True),
        sa.Column("awaits_consent", sa.Boolean(), nullable=False),
        sa.Column("tools", postgresql.JSONB(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("user_id is null or run_id is null", name=op.f("ck_mcp_servers_one_owner")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mcp_servers_user_id_users"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_mcp_servers_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mcp_servers")),
    )
    everybodys, users, runs = "user_id is null and run_id is null", "user_id is not null", "run_id is not null"
    unique = {"unique": True}
    op.create_index("uq_mcp_servers_name", "mcp_servers", ["name"], postgresql_where=sa.text(everybodys), **unique)
    op.create_index(
        "uq_mcp_servers_user_id_name", "mcp_servers", ["user_id", "name"], postgresql_where=sa.text(users), **unique
    )
    op.create_index(
        "uq_mcp_servers_run_id_name", "mcp_servers", ["run_id", "name"], postgresql_where=sa.text(runs), **unique
    )
    op.create_table(
        "coding_agents",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("tool_type", sa.String(16), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_coding_agents_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "tool_type", name=op.f("pk_coding_agents")),
    )
    due = sa.text("expires_at is not null and error is null")
    op.create_index("ix_coding_agents_expires_at", "coding_agents", ["expires_at"], postgresql_where=due)


def downgrade() -> None:
    op.drop_table("coding_agents")
    op.drop_table("mcp_servers")
