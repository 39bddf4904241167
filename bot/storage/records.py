"""Rows that are only ever added while a turn is recorded: signals, promises, outages, audit."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.tables import Audit, Outage, PromiseRow, Signal

__all__ = ["Records"]


class Records:
    """Writes on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    def signal(
        self,
        family: str,
        kind: str,
        at: datetime,
        *,
        conversation_id: int | None = None,
        turn_id: int | None = None,
        value: float | None = None,
        unit: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Write one signal."""
        self.session.add(
            Signal(
                family=family,
                kind=kind,
                at=at,
                conversation_id=conversation_id,
                turn_id=turn_id,
                value=value,
                unit=unit,
                data=data or {},
            )
        )

    def audit(
        self,
        actor: str,
        action: str,
        at: datetime,
        *,
        conversation_id: int | None = None,
        subject: str | None = None,
        **data: Any,
    ) -> None:
        """Write who did what."""
        self.session.add(
            Audit(actor=actor, action=action, at=at, conversation_id=conversation_id, subject=subject, data=data)
        )

    async def promise(self, promise: PromiseRow) -> None:
        """Write a promise; an open one of the same kind about the same thing gives way to it.

        The same promise made again (same due time) is one promise.
        """
        subject = (PromiseRow.order_number == promise.order_number) & (
            PromiseRow.return_number.is_(None)
            if promise.return_number is None
            else PromiseRow.return_number == promise.return_number
        )
        earlier = await self.session.scalars(
            select(PromiseRow).where(
                PromiseRow.conversation_id == promise.conversation_id,
                PromiseRow.kind == promise.kind,
                PromiseRow.state == "open",
                subject,
            )
        )
        for row in earlier:
            if row.due_at == promise.due_at:
                return
            row.state = "superseded"
            row.settled_at = promise.made_at
        self.session.add(promise)

    async def promises_of(self, conversation_id: int) -> list[PromiseRow]:
        """Return what was promised in a conversation, in order."""
        query = select(PromiseRow).where(PromiseRow.conversation_id == conversation_id).order_by(PromiseRow.id)
        return list(await self.session.scalars(query))

    async def open_outage(self, part: str) -> Outage | None:
        """Return the outage of a part that has not ended, locked."""
        query = select(Outage).where(Outage.part == part, Outage.ended_at.is_(None)).with_for_update()
        return (await self.session.scalars(query.limit(1))).one_or_none()

    async def outage_seen(self, part: str, now: datetime, error: str, *, message: bool) -> None:
        """Write down that a part did not answer; one row from the first failure to the recovery."""
        row = await self.open_outage(part)
        if row is None:
            row = Outage(part=part, started_at=now, messages_affected=0, error=error[:300])
            self.session.add(row)
            self.signal("availability", "outage_started", now, data={"part": part})
        if message:
            row.messages_affected += 1

    async def outage_over(self, part: str, now: datetime) -> bool:
        """Write down that a part answers again; tell whether it had been out."""
        row = await self.open_outage(part)
        if row is None:
            return False
        row.ended_at = now
        self.signal(
            "availability",
            "outage_ended",
            now,
            value=(now - row.started_at).total_seconds(),
            unit="s",
            data={"part": part, "messages_affected": row.messages_affected},
        )
        return True
