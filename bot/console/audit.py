"""The audit: who saw, did and changed what. It can be read and exported, never changed."""

import io
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.guard import Door
from bot.console.rendering import Pages
from bot.metrics.datasets import Column, Dataset, Type
from bot.metrics.formats import MEDIA_TYPES, writer
from bot.storage.audit import AuditFilter, AuditLog
from bot.storage.database import Database
from bot.storage.records import Records

__all__ = ["audit_routes"]

PAGE = 100
BATCH = 1000
AUDIT = Dataset(
    "audit",
    "entry",
    "at",
    (
        Column("id", Type.INTEGER, "number of the entry"),
        Column("at", Type.INSTANT, "when"),
        Column("actor", Type.TEXT, "who: agent:<number>, bot, system, cli, api:<token>"),
        Column("name", Type.TEXT, "the agent's name"),
        Column("action", Type.TEXT, "what was seen, done or changed"),
        Column("conversation_id", Type.INTEGER, "in which conversation"),
        Column("subject", Type.TEXT, "to what: a handoff, an order, an agent"),
        Column("details", Type.JSON, "how"),
    ),
)


def audit_routes(database: Database, door: Door, pages: Pages, clock: Clock) -> APIRouter:
    """Return the routes of the audit, for managers."""
    router = APIRouter()
    Manager = Annotated[SignedIn, Depends(door.role("manager", "admin"))]

    def begin(day: str, *, after: int = 0) -> datetime | None:
        if not day:
            return None
        return datetime.combine(date.fromisoformat(day) + timedelta(days=after), time(), pages.zone)

    def chosen_filter(
        actor: Annotated[str, Query(max_length=80)] = "",
        action: Annotated[str, Query(max_length=60)] = "",
        conversation: Annotated[str, Query(pattern=r"^\d{0,12}$")] = "",
        first: Annotated[str, Query(alias="from", pattern=r"^(\d{4}-[01]\d-[0-3]\d)?$")] = "",
        last: Annotated[str, Query(alias="to", pattern=r"^(\d{4}-[01]\d-[0-3]\d)?$")] = "",
    ) -> AuditFilter:
        return AuditFilter(
            actor=actor or None,
            action=action or None,
            conversation_id=int(conversation) if conversation else None,
            since=begin(first),
            before=begin(last, after=1),
        )

    Chosen = Annotated[AuditFilter, Depends(chosen_filter)]

    @router.get("/audit", response_class=HTMLResponse)
    async def audit(request: Request, who: Manager, chosen: Chosen, below: int | None = None) -> Response:
        async with database.read() as session:
            log = AuditLog(session)
            entries = await log.entries(chosen, below=below, limit=PAGE + 1)
            actions = await log.actions()
            agents = await log.agents()
        return pages.page(
            request, "audit.html", who, entries=entries[:PAGE], more=len(entries) > PAGE, actions=actions,
            agents=agents, given=dict(request.query_params),
        )  # fmt: skip

    @router.get("/audit/export")
    async def export(
        who: Manager, chosen: Chosen, format: Annotated[Literal["csv", "jsonl"], Query()] = "csv"
    ) -> Response:
        """Stream the audit, the oldest entry first. Exporting is itself an entry."""
        async with database.begin() as session:
            Records(session).audit(f"agent:{who.agent.id}", "audit.export", clock(), filter=chosen.as_words())

        async def parts() -> AsyncIterator[bytes]:
            buffer = io.BytesIO()
            out = writer(format, AUDIT, buffer, zone=pages.zone, bom=True)
            out.begin()
            above = 0
            while True:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
                async with database.read() as session:
                    entries = await AuditLog(session).oldest(chosen, above=above, limit=BATCH)
                if not entries:
                    break
                above = entries[-1].id
                out.write(
                    [(e.id, e.at, e.actor, e.name, e.action, e.conversation_id, e.subject, e.data) for e in entries]
                )
            out.end()
            yield buffer.getvalue()

        headers = {"Content-Disposition": f'attachment; filename="audit.{format}"'}
        return StreamingResponse(parts(), media_type=MEDIA_TYPES[format], headers=headers)

    return router
