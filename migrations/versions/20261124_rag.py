"""resources to retrieve from, and their passages"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

revision = "20261124_rag"
down_revision = "20261124_mcp"
branch_labels = None
depends_on = None

DIMENSIONS = (256, 384, 512, 768, 1024, 1536, 2048, 3072)
SEARCHED = "setweight(to_tsvector(language, heading), 'A') || setweight(to_tsvector(language, text), 'B')"


def upgrade() -> None:
    # Searches with a filter go on where the index stops short since pgvector 0.8.
    op.execute("create extension if not exists vector")
    op.execute("create extension if not exists btree_gin")
    op.execute(
        "do $$ begin if (select string_to_array(extversion, '.')::int[] < array[0, 8] from pg_extension where extname = 'vector') "
        "then raise exception 'pgvector 0.8 or later is needed: alter extension vector update'; end if; end $$"
    )
    op.create_table(
        "rag_resources",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=128), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("model", sa.String(length=160), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_rag_resources_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_rag_resources_run_id_runs"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rag_resources")),
    )
    op.create_index(op.f("ix_rag_resources_run_id"), "rag_resources", ["run_id"])
    op.create_index(
        "ix_rag_resources_user_id_created_at", "rag_resources", ["user_id", sa.literal_column("created_at desc")]
    )
    op.create_index(
        "ix_rag_resources_unsettled", "rag_resources", ["status"], postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index(
        "ix_rag_resources_deleted",
        "rag_resources",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at is not null"),
    )
    op.create_table(
        "rag_passages",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.UUID(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", postgresql.REGCONFIG(), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), sa.Computed(SEARCHED, persisted=True), nullable=False),
        sa.Column("embedding", HALFVEC(), nullable=True),
        sa.Column("model", sa.String(length=160), nullable=True),
        sa.ForeignKeyConstraint(
            ["resource_id"],
            ["rag_resources.id"],
            name=op.f("fk_rag_passages_resource_id_rag_resources"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rag_passages")),
        sa.UniqueConstraint("resource_id", "generation", "position", name=op.f("uq_rag_passages_resource_id")),
    )
    # To rank by words reads `search` of many rows: it stays in the row, and what only a few are asked for goes out of it.
    op.execute(
        "alter table rag_passages alter column search set storage main, alter column text set storage external, "
        "alter column embedding set storage external"
    )
    op.create_index(
        "ix_rag_passages_user_id_search", "rag_passages", ["user_id", "search"], postgresql_using="gin"
    )
    for size in DIMENSIONS:
        op.create_index(
            f"ix_rag_passages_embedding_{size}",
            "rag_passages",
            [sa.text(f"(embedding::halfvec({size})) halfvec_cosine_ops")],
            postgresql_using="hnsw",
            postgresql_where=sa.text(f"vector_dims(embedding) = {size}"),
        )


def downgrade() -> None:
    op.drop_table("rag_passages")
    op.drop_table("rag_resources")
