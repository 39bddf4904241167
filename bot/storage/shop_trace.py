"""Keeps who proved what, and which operations were carried out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, or_, select, update

from bot.shop.operations import Logged
from bot.shop.policies import Level
from bot.shop.verification import Attempt, Grant, Outcome
from bot.storage.database import Collision, Database
from bot.storage.shop_tables import CodeRow, GrantRow, OperationRow, ProofAttemptRow

__all__ = ["SqlOperationLog", "SqlProofs"]


class SqlProofs:
    """A ProofStore in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_attempt(self, conversation_id: str, address: str | None, subject: str, at: datetime) -> int:
        """Write an attempt; it is committed before this returns, so that every later count includes it."""
        row = ProofAttemptRow(
            conversation_id=conversation_id, address=address, subject=subject[:80], outcome="pending", at=at
        )
        async with self._database.begin(short=True) as session:
            session.add(row)
        return row.id

    async def attempts(
        self, conversation_id: str, address: str | None, subject: str, since: datetime
    ) -> Sequence[Attempt]:
        """Return attempts that failed or are under way and share conversation, address or subject."""
        same = [ProofAttemptRow.conversation_id == conversation_id, ProofAttemptRow.subject == subject[:80]]
        if address is not None:
            same.append(ProofAttemptRow.address == address)
        statement = select(ProofAttemptRow).where(
            or_(*same), ProofAttemptRow.at > since, ProofAttemptRow.outcome.in_(("pending", "failed"))
        )
        async with self._database.read(short=True) as session:
            rows = await session.scalars(statement)
            return [Attempt(row.conversation_id, row.address, row.subject, row.at) for row in rows]

    async def close_attempt(self, attempt: int, outcome: Outcome) -> None:
        """Record how an attempt ended."""
        async with self._database.begin(short=True) as session:
            await session.execute(update(ProofAttemptRow).where(ProofAttemptRow.id == attempt).values(outcome=outcome))

    async def grant(self, conversation_id: str, grant: Grant, at: datetime) -> None:
        """Keep a proof, in place of an earlier one for the same customer and order."""
        async with self._database.begin(short=True) as session:
            await session.execute(
                delete(GrantRow).where(
                    GrantRow.conversation_id == conversation_id,
                    GrantRow.customer_key == grant.customer_id,
                    GrantRow.order_key == grant.order_key,
                )
            )
            session.add(
                GrantRow(
                    conversation_id=conversation_id,
                    customer_key=grant.customer_id,
                    order_key=grant.order_key,
                    proofs=sorted(grant.proofs),
                    level=grant.level,
                    granted_at=at,
                    expires_at=grant.expires_at,
                )
            )

    async def grants(self, conversation_id: str, at: datetime) -> Sequence[Grant]:
        """Return the proofs that hold at an instant."""
        statement = select(GrantRow).where(GrantRow.conversation_id == conversation_id, GrantRow.expires_at > at)
        async with self._database.read(short=True) as session:
            rows = await session.scalars(statement.order_by(GrantRow.id))
            return [
                Grant(row.customer_key, row.order_key, cast(Level, row.level), frozenset(row.proofs), row.expires_at)
                for row in rows
            ]

    async def keep_code(
        self, conversation_id: str, code_hash: str, customer_id: str | None, expires_at: datetime
    ) -> None:
        """Keep a one-time code's hash in place of an earlier one."""
        async with self._database.begin(short=True) as session:
            await session.execute(delete(CodeRow).where(CodeRow.conversation_id == conversation_id))
            session.add(
                CodeRow(
                    conversation_id=conversation_id,
                    code_hash=code_hash,
                    customer_key=customer_id,
                    expires_at=expires_at,
                )
            )

    async def take_code(self, conversation_id: str, code_hash: str, at: datetime) -> str | None:
        """Use up a code that fits and has not expired; return the customer it proves."""
        async with self._database.begin(short=True) as session:
            return (
                await session.execute(
                    delete(CodeRow)
                    .where(
                        CodeRow.conversation_id == conversation_id,
                        CodeRow.code_hash == code_hash,
                        CodeRow.expires_at > at,
                    )
                    .returning(CodeRow.customer_key)
                )
            ).scalar_one_or_none()


class SqlOperationLog:
    """An OperationLog in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: str) -> Logged | None:
        """Return what is known of a key."""
        async with self._database.read(short=True) as session:
            row = (await session.scalars(select(OperationRow).where(OperationRow.key == key))).one_or_none()
            return Logged(row.preview, row.answer) if row is not None else None

    async def done(self, name: str, *, conversation_id: str, turn_id: str) -> dict[str, Any] | None:
        """Return the answer of an operation that a turn carried out, whatever its arguments; None if it did not."""
        async with self._database.read(short=True) as session:
            query = select(OperationRow.answer).where(
                OperationRow.conversation_id == conversation_id,
                OperationRow.turn_id == turn_id,
                OperationRow.name == name,
                OperationRow.state == "done",
            )
            return (await session.scalars(query)).first()

    async def begin(
        self,
        key: str,
        *,
        conversation_id: str,
        turn_id: str,
        name: str,
        order_key: str | None,
        args: Mapping[str, Any],
        preview: Mapping[str, Any] | None,
        at: datetime,
    ) -> None:
        """Write down what is about to be done; a second time only the preview is renewed."""
        row = OperationRow(
            key=key,
            conversation_id=conversation_id,
            turn_id=turn_id,
            name=name,
            order_key=order_key,
            args=dict(args),
            state="started",
            preview=dict(preview) if preview is not None else None,
            started_at=at,
        )
        try:
            async with self._database.begin(short=True) as session:
                session.add(row)
        except Collision:
            async with self._database.begin(short=True) as session:
                await session.execute(update(OperationRow).where(OperationRow.key == key).values(preview=row.preview))

    async def finish(self, key: str, answer: Mapping[str, Any], at: datetime) -> None:
        """Write down how it ended."""
        async with self._database.begin(short=True) as session:
            await session.execute(
                update(OperationRow)
                .where(OperationRow.key == key)
                .values(
                    state="done" if answer["ok"] else "denied",
                    code=None if answer["ok"] else answer["error"]["code"],
                    answer=dict(answer),
                    finished_at=at,
                )
            )
