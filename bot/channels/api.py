"""The API for managers' programs: figures and exports, with a token."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from bot.clock import Clock, utc_now
from bot.errors import NotFound
from bot.metrics.datasets import DATASETS
from bot.metrics.expectations import TOPICS
from bot.metrics.export import Exporter, Request
from bot.metrics.figures import definitions
from bot.metrics.formats import MEDIA_TYPES
from bot.metrics.reading import FigureReader
from bot.metrics.tokens import Tokens
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.figures import BEHIND, Figures, Slice

__all__ = ["api_routes"]

DEFAULT_DAYS = 28

_First = Annotated[date | None, Query(alias="from", description="First day, in the shop's time zone.")]
_Last = Annotated[date | None, Query(alias="to", description="Last day, included.")]
_Channel = Annotated[str | None, Query(max_length=20, description="Only conversations of this channel.")]
_Language = Annotated[Literal["de", "en"] | None, Query(description="Only conversations in this language.")]
_Topic = Annotated[str | None, Query(description=f"Only this topic: {', '.join(TOPICS)}.")]
_Handler = Annotated[
    Literal["bot", "person"] | None, Query(description="Only those the bot had alone, or those with a person.")
]


def api_routes(settings: Settings, database: Database, reader: FigureReader, *, clock: Clock = utc_now) -> APIRouter:
    """Return the routes under /api/v1."""
    router = APIRouter(prefix="/api/v1", tags=["figures and exports"])
    tokens = Tokens(database, clock)
    exporter = Exporter(database, settings.zone, settings.signing_key, clock)
    authorization = Annotated[str, Header()]

    def wanted(
        first: _First = None,
        last: _Last = None,
        channel: _Channel = None,
        language: _Language = None,
        topic: _Topic = None,
        handler: _Handler = None,
    ) -> Slice:
        last = last or clock().astimezone(settings.zone).date()
        first = first or last - timedelta(days=DEFAULT_DAYS - 1)
        return Slice(first, last, channel, language, topic, handler)

    @router.get("/metrics", summary="Figures of a period, compared with the period before")
    async def metrics(which: Annotated[Slice, Depends(wanted)], authorization: authorization = "") -> dict[str, Any]:
        await tokens.check(authorization, "metrics")
        return {"timezone": settings.timezone, **(await reader.overview(which)).as_json()}

    @router.get("/metrics/definitions", summary="What every figure means")
    async def meanings(authorization: authorization = "") -> dict[str, Any]:
        await tokens.check(authorization, "metrics")
        return {key: entry.model_dump() for key, entry in definitions().items()}

    @router.get("/metrics/conversations", summary="The conversations behind a figure, the worst or the newest first")
    async def behind(
        which: Annotated[Slice, Depends(wanted)],
        of: Annotated[
            str, Query(description="A word of the figure's definition ('behind'), e.g. 'handed_over'.")
        ] = "all",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=100_000, description="How many to pass over, for the next page.")] = 0,
        authorization: authorization = "",
    ) -> list[dict[str, Any]]:
        await tokens.check(authorization, "metrics")
        try:
            async with database.read() as session:
                rows = await Figures(session).conversations(which, of, limit=limit, offset=offset)
        except KeyError:
            raise NotFound(f"There is no {of!r}; choose one of {', '.join(BEHIND)}.") from None
        return [
            {
                "conversation_id": row.conversation_id,
                "started_at": row.started_at.isoformat(),
                **{name: getattr(row, name) for name in _SHOWN},
            }
            for row in rows
        ]

    @router.get("/export/{dataset}", summary="Raw rows as CSV, JSON, JSON Lines, XLSX or Parquet")
    async def export(
        dataset: str,
        kind: Annotated[str, Query(alias="format", description="csv, json, jsonl, xlsx, parquet")] = "csv",
        first: _First = None,
        last: _Last = None,
        after: Annotated[int, Query(ge=0, description="Only rows whose first column is above this.")] = 0,
        channel: _Channel = None,
        language: _Language = None,
        personal: Annotated[bool, Query(description="With texts and identities (scope export:personal).")] = False,
        bom: Annotated[bool, Query(description="Begin CSV with a byte order mark, for Excel.")] = False,
        authorization: authorization = "",
    ) -> StreamingResponse:
        actor = await tokens.check(authorization, "export:personal" if personal else "export")
        request = Request(
            dataset, kind, first, last, after=after, channel=channel, language=language, personal=personal, bom=bom
        )
        return StreamingResponse(
            exporter.stream(request, actor),
            media_type=MEDIA_TYPES[kind],
            headers={"Content-Disposition": f'attachment; filename="{dataset}.{kind}"', "Cache-Control": "no-store"},
        )

    @router.get("/export", summary="What can be exported")
    async def datasets(authorization: authorization = "") -> dict[str, Any]:
        await tokens.check(authorization, "export")
        return {
            name: {
                "row": dataset.row,
                "range": dataset.time,
                "columns": [
                    {"name": c.name, "type": c.type, "meaning": c.meaning, "privacy": c.privacy}
                    for c in dataset.columns
                ],
            }
            for name, dataset in DATASETS.items()
        }

    return router


_SHOWN = (
    "channel", "language", "topic", "intent", "handler", "resolution", "withdrawn", "handoff_reason", "complaint",
    "upset", "recovered", "reopened", "abandoned_at", "unmet",
)  # fmt: skip
