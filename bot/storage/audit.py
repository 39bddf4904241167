"""Reading the audit, and keeping it from being changed. Writing is in records.py."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.tables import Agent, Audit

__all__ = ["AuditEntry", "AuditFilter", "AuditLog", "protect_audit"]

_SQLITE = (
    """CREATE TRIGGER IF NOT EXISTS audit_unchanged BEFORE UPDATE ON audit BEGIN
         SELECT RAISE(ABORT, 'the audit cannot be changed');
       END""",
)
_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION audit_unchanged() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the audit cannot be changed'; END $$""",
    "DROP TRIGGER IF EXISTS audit_unchanged ON audit",
    "CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_unchanged()",
)


def protect_audit(connection: Connection) -> None:
    """Let the database itself refuse to change an entry. Deleting remains, for retention and erasure."""
    for statement in _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE:
        connection.execute(text(statement))


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; an empty field does not restrict."""

    actor: str | None = None
    action: str | None = None
    conversation_id: int | None = None
    since: datetime | None = None
    before: datetime | None = None

    def as_words(self) -> dict[str, str]:
        """Return what restricts, for the entry that an export leaves."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class AuditEntry:
    """Who did what. ``name`` is the agent's, where the actor is one."""

    id: int
    at: datetime
    actor: str
    name: str | None
    action: str
    conversation_id: int | None
    subject: str | None
    data: dict[str, Any]


class AuditLog:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def entries(self, chosen: AuditFilter, *, below: int | None, limit: int) -> list[AuditEntry]:
        """Return entries with a key below ``below``, the latest first."""
        query = self._chosen(chosen).order_by(Audit.id.desc()).limit(limit)
        return await self._read(query if below is None else query.where(Audit.id < below))

    async def oldest(self, chosen: AuditFilter, *, above: int, limit: int) -> list[AuditEntry]:
        """Return entries with a key above ``above``, the oldest first."""
        return await self._read(self._chosen(chosen).where(Audit.id > above).order_by(Audit.id).limit(limit))

    async def actions(self) -> list[str]:
        """Return the names of all actions that occur."""
        return list(await self.session.scalars(select(Audit.action).distinct().order_by(Audit.action)))

    async def agents(self) -> dict[str, str]:
        """Return the names of all agents, by how the audit names them."""
        rows = await self.session.execute(select(Agent.id, Agent.name).order_by(Agent.name))
        return {f"agent:{row.id}": row.name for row in rows}

    def _chosen(self, chosen: AuditFilter) -> Select[Audit]:
        query = select(Audit)
        if chosen.actor is not None:
            query = query.where(Audit.actor == chosen.actor)
        if chosen.action is not None:
            query = query.where(Audit.action == chosen.action)
        if chosen.conversation_id is not None:
            query = query.where(Audit.conversation_id == chosen.conversation_id)
        if chosen.since is not None:
            query = query.where(Audit.at >= chosen.since)
        if chosen.before is not None:
            query = query.where(Audit.at < chosen.before)
        return query

    async def _read(self, query: Select[Audit]) -> list[AuditEntry]:
        names = await self.agents()
        return [
            AuditEntry(
                id=row.id,
                at=row.at,
                actor=row.actor,
                name=names.get(row.actor),
                action=row.action,
                conversation_id=row.conversation_id,
                subject=row.subject,
                data=row.data or {},
            )
            for row in await self.session.scalars(query)
        ]
