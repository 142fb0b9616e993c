"""sandboxes, their commands, slides"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '20261124_sandboxes'
down_revision = "20261124_schedulers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sandboxes',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('e2b_id', sa.String(length=128), nullable=True),
    sa.Column('session_id', sa.String(length=128), nullable=True),
    sa.Column('template_id', sa.String(length=128), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('error_code', sa.String(length=64), nullable=True),
    sa.Column('timeout_seconds', sa.Integer(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sandboxes_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sandboxes')),
    sa.UniqueConstraint('e2b_id', name=op.f('uq_sandboxes_e2b_id'))
    )
    op.create_index('ix_sandboxes_living', 'sandboxes', ['status'], unique=False, postgresql_where=sa.text('ended_at is null'))
    op.create_index('ix_sandboxes_user_id_created_at', 'sandboxes', ['user_id', sa.literal_column('created_at desc')], unique=False)
    op.create_index('uq_sandboxes_user_id_session_id', 'sandboxes', ['user_id', 'session_id'], unique=True, postgresql_where=sa.text('session_id is not null and ended_at is null'))
    op.create_table('sandbox_commands',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('sandbox_id', sa.String(length=32), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('command', sa.Text(), nullable=False),
    sa.Column('cwd', sa.String(length=4096), nullable=True),
    sa.Column('env', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('timeout_seconds', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('exit_code', sa.Integer(), nullable=True),
    sa.Column('stdout', sa.Text(), nullable=False),
    sa.Column('stderr', sa.Text(), nullable=False),
    sa.Column('truncated', sa.Boolean(), nullable=False),
    sa.Column('duration_ms', sa.Integer(), nullable=True),
    sa.Column('error', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['sandbox_id'], ['sandboxes.id'], name=op.f('fk_sandbox_commands_sandbox_id_sandboxes'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sandbox_commands_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sandbox_commands'))
    )
    op.create_index('ix_sandbox_commands_open', 'sandbox_commands', ['sandbox_id'], unique=False, postgresql_where=sa.text('finished_at is null'))
    op.create_index('ix_sandbox_commands_sandbox_id_created_at', 'sandbox_commands', ['sandbox_id', sa.literal_column('created_at desc')], unique=False)
    op.create_table('slides',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('sandbox_id', sa.String(length=32), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('presentation_name', sa.String(length=100), nullable=False),
    sa.Column('slide_number', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('mirrored_version', sa.Integer(), nullable=False),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['sandbox_id'], ['sandboxes.id'], name=op.f('fk_slides_sandbox_id_sandboxes'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_slides_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_slides'))
    )
    op.create_index('uq_slides_place', 'slides', ['sandbox_id', 'presentation_name', 'slide_number'], unique=True, postgresql_where=sa.text('deleted_at is null'))


def downgrade() -> None:
    op.drop_index('uq_slides_place', table_name='slides', postgresql_where=sa.text('deleted_at is null'))
    op.drop_table('slides')
    op.drop_index('ix_sandbox_commands_sandbox_id_created_at', table_name='sandbox_commands')
    op.drop_index('ix_sandbox_commands_open', table_name='sandbox_commands', postgresql_where=sa.text('finished_at is null'))
    op.drop_table('sandbox_commands')
    op.drop_index('uq_sandboxes_user_id_session_id', table_name='sandboxes', postgresql_where=sa.text('session_id is not null and ended_at is null'))
    op.drop_index('ix_sandboxes_user_id_created_at', table_name='sandboxes')
    op.drop_index('ix_sandboxes_living', table_name='sandboxes', postgresql_where=sa.text('ended_at is null'))
    op.drop_table('sandboxes')
