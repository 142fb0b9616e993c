"""people, rights and logs"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '20261124_rights'
down_revision = '20261124_artifacts'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('depts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('parent_id', sa.Integer(), nullable=True),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('sort', sa.Integer(), nullable=False),
    sa.Column('leader', sa.String(length=64), nullable=False),
    sa.Column('phone', sa.String(length=32), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('is_enabled', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['depts.id'], name=op.f('fk_depts_parent_id_depts'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_depts')),
    sa.UniqueConstraint('parent_id', 'name', name='uq_depts_parent_id_name', postgresql_nulls_not_distinct=True)
    )
    op.create_index(op.f('ix_depts_parent_id'), 'depts', ['parent_id'], unique=False)
    op.create_table('menus',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('parent_id', sa.Integer(), nullable=True),
    sa.Column('type', sa.String(length=16), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('title', sa.String(length=64), nullable=False),
    sa.Column('path', sa.String(length=255), nullable=False),
    sa.Column('component', sa.String(length=255), nullable=False),
    sa.Column('icon', sa.String(length=64), nullable=False),
    sa.Column('permission', sa.String(length=64), nullable=True),
    sa.Column('sort', sa.Integer(), nullable=False),
    sa.Column('is_visible', sa.Boolean(), nullable=False),
    sa.Column('is_enabled', sa.Boolean(), nullable=False),
    sa.Column('remark', sa.String(length=500), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['menus.id'], name=op.f('fk_menus_parent_id_menus'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_menus')),
    sa.UniqueConstraint('name', name=op.f('uq_menus_name')),
    sa.UniqueConstraint('permission', name=op.f('uq_menus_permission'))
    )
    op.create_index(op.f('ix_menus_parent_id'), 'menus', ['parent_id'], unique=False)
    op.create_table('opera_logs',
    sa.Column('id', sa.BigInteger(), autoincrement=True, nullable=False),
    sa.Column('entry_id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('username', sa.String(length=64), nullable=False),
    sa.Column('method', sa.String(length=8), nullable=False),
    sa.Column('path', sa.String(length=512), nullable=False),
    sa.Column('operation', sa.String(length=128), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('duration_ms', sa.Double(), nullable=False),
    sa.Column('address', postgresql.INET(), nullable=True),
    sa.Column('user_agent', sa.String(length=512), nullable=False),
    sa.Column('browser', sa.String(length=64), nullable=False),
    sa.Column('os', sa.String(length=64), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.Column('query', sa.String(length=1024), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('changes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opera_logs')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_opera_logs_entry_id'))
    )
    op.create_index('ix_opera_logs_created_at', 'opera_logs', [sa.literal_column('created_at DESC')], unique=False)
    op.create_index(op.f('ix_opera_logs_user_id'), 'opera_logs', ['user_id'], unique=False)
    op.create_table('roles',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('data_scope', sa.String(length=16), nullable=False),
    sa.Column('is_enabled', sa.Boolean(), nullable=False),
    sa.Column('remark', sa.String(length=500), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_roles'))
    )
    op.create_index('uq_roles_name', 'roles', [sa.literal_column('lower(name)')], unique=True)
    op.create_table('role_menus',
    sa.Column('role_id', sa.Integer(), nullable=False),
    sa.Column('menu_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['menu_id'], ['menus.id'], name=op.f('fk_role_menus_menu_id_menus'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role_id'], ['roles.id'], name=op.f('fk_role_menus_role_id_roles'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('role_id', 'menu_id', name=op.f('pk_role_menus'))
    )
    op.create_index(op.f('ix_role_menus_menu_id'), 'role_menus', ['menu_id'], unique=False)
    op.create_table('user_roles',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('role_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['role_id'], ['roles.id'], name=op.f('fk_user_roles_role_id_roles'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_roles_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'role_id', name=op.f('pk_user_roles'))
    )
    op.create_index(op.f('ix_user_roles_role_id'), 'user_roles', ['role_id'], unique=False)
    op.add_column('auth_sessions', sa.Column('previous_hash', sa.String(length=64), nullable=True))
    op.add_column('users', sa.Column('phone', sa.String(length=32), server_default='', nullable=False))
    op.add_column('users', sa.Column('avatar', sa.String(length=512), server_default='', nullable=False))
    op.add_column('users', sa.Column('roles_changed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('users', sa.Column('dept_id', sa.Integer(), nullable=True))
    op.drop_constraint(op.f('uq_users_username'), 'users', type_='unique')
    op.create_index('uq_users_username', 'users', [sa.literal_column('lower(username)')], unique=True, postgresql_where=sa.text('deleted_at is null'))
    op.create_index(op.f('ix_users_dept_id'), 'users', ['dept_id'], unique=False)
    op.create_foreign_key(op.f('fk_users_dept_id_depts'), 'users', 'depts', ['dept_id'], ['id'], ondelete='SET NULL')


def downgrade() -> None:
    op.drop_constraint(op.f('fk_users_dept_id_depts'), 'users', type_='foreignkey')
    op.drop_index(op.f('ix_users_dept_id'), table_name='users')
    op.drop_index('uq_users_username', table_name='users', postgresql_where=sa.text('deleted_at is null'))
    op.create_unique_constraint(op.f('uq_users_username'), 'users', ['username'], postgresql_nulls_not_distinct=False)
    op.drop_column('users', 'roles_changed_at')
    op.drop_column('users', 'dept_id')
    op.drop_column('users', 'avatar')
    op.drop_column('users', 'phone')
    op.drop_column('auth_sessions', 'previous_hash')
    op.drop_index(op.f('ix_user_roles_role_id'), table_name='user_roles')
    op.drop_table('user_roles')
    op.drop_index(op.f('ix_role_menus_menu_id'), table_name='role_menus')
    op.drop_table('role_menus')
    op.drop_index('uq_roles_name', table_name='roles')
    op.drop_table('roles')
    op.drop_index(op.f('ix_opera_logs_user_id'), table_name='opera_logs')
    op.drop_index('ix_opera_logs_created_at', table_name='opera_logs')
    op.drop_table('opera_logs')
    op.drop_index(op.f('ix_menus_parent_id'), table_name='menus')
    op.drop_table('menus')
    op.drop_index(op.f('ix_depts_parent_id'), table_name='depts')
    op.drop_table('depts')
