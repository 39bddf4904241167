"""Tables that figures are read from, and tokens for programs that read them."""

import sqlalchemy as sa
from alembic import op

import bot.storage.base

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('api_tokens',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('scopes', bot.storage.base.Json, nullable=False),
    sa.Column('created_at', bot.storage.base.UtcDateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=80), nullable=False),
    sa.Column('last_used_at', bot.storage.base.UtcDateTime(), nullable=True),
    sa.Column('expires_at', bot.storage.base.UtcDateTime(), nullable=True),
    sa.Column('revoked_at', bot.storage.base.UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_tokens')),
    sa.UniqueConstraint('name', name=op.f('uq_api_tokens_name')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_tokens_token_hash'))
    )
    op.create_table('daily_figures',
    sa.Column('grain', sa.String(length=5), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('measure', sa.String(length=40), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('topic', sa.String(length=12), nullable=False),
    sa.Column('handler', sa.String(length=8), nullable=False),
    sa.Column('detail', sa.String(length=120), nullable=False),
    sa.Column('n', bot.storage.base.BigInt, nullable=False),
    sa.Column('total', sa.Float(), nullable=False),
    sa.Column('squares', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('grain', 'day', 'measure', 'channel', 'language', 'topic', 'handler', 'detail', name=op.f('pk_daily_figures')),
    sqlite_with_rowid=False
    )
    op.create_table('figure_state',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('value', bot.storage.base.Json, nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_figure_state'))
    )
    op.create_table('conversation_facts',
    sa.Column('conversation_id', bot.storage.base.BigInt, autoincrement=False, nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('started_at', bot.storage.base.UtcDateTime(), nullable=False),
    sa.Column('last_at', bot.storage.base.UtcDateTime(), nullable=False),
    sa.Column('closed_at', bot.storage.base.UtcDateTime(), nullable=True),
    sa.Column('customer', sa.String(length=160), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('topic', sa.String(length=12), nullable=False),
    sa.Column('handler', sa.String(length=8), nullable=False),
    sa.Column('intent', sa.String(length=60), nullable=True),
    sa.Column('matter', sa.Boolean(), nullable=False),
    sa.Column('cross_channel', sa.Boolean(), nullable=False),
    sa.Column('mixed_language', sa.Boolean(), nullable=False),
    sa.Column('customer_messages', sa.Integer(), nullable=False),
    sa.Column('bot_messages', sa.Integer(), nullable=False),
    sa.Column('agent_messages', sa.Integer(), nullable=False),
    sa.Column('not_understood', sa.Integer(), nullable=False),
    sa.Column('judged', sa.Integer(), nullable=False),
    sa.Column('handoffs', sa.Integer(), nullable=False),
    sa.Column('handoff_reason', sa.String(length=40), nullable=True),
    sa.Column('wait_abandoned', sa.Boolean(), nullable=False),
    sa.Column('resolution', sa.String(length=12), nullable=False),
    sa.Column('withdrawn', sa.Boolean(), nullable=False),
    sa.Column('repeated', sa.Boolean(), nullable=False),
    sa.Column('reopened', sa.Integer(), nullable=False),
    sa.Column('complaint', sa.Integer(), nullable=False),
    sa.Column('complaint_repeated', sa.Boolean(), nullable=False),
    sa.Column('upset', sa.Integer(), nullable=False),
    sa.Column('recovered', sa.Boolean(), nullable=True),
    sa.Column('abandoned_at', sa.String(length=120), nullable=True),
    sa.Column('surveys', sa.Integer(), nullable=False),
    sa.Column('answered_surveys', sa.Integer(), nullable=False),
    sa.Column('promises_kept', sa.Integer(), nullable=False),
    sa.Column('promises_broken', sa.Integer(), nullable=False),
    sa.Column('unmet', sa.String(length=400), nullable=False),
    sa.Column('person_seconds', sa.Float(), nullable=False),
    sa.Column('details', bot.storage.base.Json, nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_conversation_facts_conversation_id_conversations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('conversation_id', name=op.f('pk_conversation_facts'))
    )
    with op.batch_alter_table('conversation_facts', schema=None) as batch_op:
        batch_op.create_index('ix_conversation_facts_customer', ['customer', 'started_at'], unique=False)
        batch_op.create_index('ix_conversation_facts_day', ['day', 'channel', 'language', 'topic'], unique=False)

    with op.batch_alter_table('conversations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_conversations_closed_at'), ['closed_at'], unique=False)

    with op.batch_alter_table('promises', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_promises_settled_at'), ['settled_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_promises_told_at'), ['told_at'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('promises', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_promises_told_at'))
        batch_op.drop_index(batch_op.f('ix_promises_settled_at'))

    with op.batch_alter_table('conversations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_conversations_closed_at'))

    with op.batch_alter_table('conversation_facts', schema=None) as batch_op:
        batch_op.drop_index('ix_conversation_facts_day')
        batch_op.drop_index('ix_conversation_facts_customer')

    op.drop_table('conversation_facts')
    op.drop_table('figure_state')
    op.drop_table('daily_figures')
    op.drop_table('api_tokens')
