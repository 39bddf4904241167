"""The managers' pages: figures of a period beside the period before, and the conversations behind each of them."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from starlette.status import HTTP_304_NOT_MODIFIED

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.guard import Door
from bot.console.rendering import Pages, language_of
from bot.conversation import Language
from bot.errors import NotFound
from bot.metrics.expectations import TOPICS
from bot.metrics.presentation import STYLE, Presentation
from bot.metrics.reading import LONGEST_DAYS, TREND, FigureReader
from bot.metrics.report import render_report, week_of
from bot.metrics.words import word
from bot.storage.database import Database
from bot.storage.figures import Figures, Slice

__all__ = ["figure_routes"]

SPANS = ("7d", "28d", "90d", "month", "last_month", "365d", "own")
PER_PAGE = 50
COUNTED = 10_000
MOST_PASSED_OVER = 100_000
_STYLE_VERSION = hashlib.sha256(STYLE.encode()).hexdigest()[:10]
_DEFAULT_TREND = "automated_resolution"


@dataclass(frozen=True)
class Asked:
    """What the page's form asks for."""

    span: str
    wanted: Slice
    trend: str

    def query(self, **more: str) -> str:
        """Return it as a query, so that every address on the page keeps it."""
        values = {"span": self.span, **self.wanted.filters(), "trend": self.trend}
        if self.span == "own":
            values |= {"from": self.wanted.first.isoformat(), "to": self.wanted.last.isoformat()}
        return urlencode(values | more)


def span_of(name: str, today: date, first: date | None, last: date | None) -> tuple[date, date]:
    """Return the first and last day of a span such as ``28d``, ``month`` or ``own``; today counts."""
    if name == "own":
        last = min(last or today, today)
        first = min(first or last - timedelta(days=27), last)
        return max(first, last - timedelta(days=LONGEST_DAYS - 1)), last
    if name == "month":
        return today.replace(day=1), today
    if name == "last_month":
        end = today.replace(day=1) - timedelta(days=1)
        return end.replace(day=1), end
    return today - timedelta(days=int(name.removesuffix("d")) - 1), today


def figure_routes(
    database: Database, door: Door, pages: Pages, reader: FigureReader, shop_name: str, clock: Clock
) -> APIRouter:
    """Return the routes of the figures' pages."""
    router = APIRouter(prefix="/figures")
    Manager = Annotated[SignedIn, Depends(door.role("manager", "admin"))]

    def today() -> date:
        return clock().astimezone(reader.zone).date()

    def asked(
        span: Annotated[str, Query(max_length=12)] = "28d",
        first: Annotated[str | None, Query(alias="from", max_length=10)] = None,
        last: Annotated[str | None, Query(alias="to", max_length=10)] = None,
        channel: Annotated[str | None, Query(max_length=20)] = None,
        language: Annotated[str | None, Query(max_length=2)] = None,
        topic: Annotated[str | None, Query(max_length=12)] = None,
        handler: Annotated[str | None, Query(max_length=8)] = None,
        trend: Annotated[str, Query(max_length=40)] = _DEFAULT_TREND,
    ) -> Asked:
        """Read the form; what is no choice of it counts as not chosen, so that an old address still opens."""
        span = span if span in SPANS else "28d"
        start, end = span_of(span, today(), _day(first), _day(last))
        wanted = Slice(start, end, channel or None, language or None, topic or None, handler or None)
        return Asked(span, wanted, trend if trend in TREND else _DEFAULT_TREND)

    Form = Annotated[Asked, Depends(asked)]

    @router.get("", response_class=HTMLResponse)
    async def figures(request: Request, who: Manager, form: Form) -> Response:
        language = language_of(request, who, pages.default_language)
        base = request.scope.get("root_path", "")

        def link(behind: str) -> str | None:
            return f"{base}/figures/conversations?{form.query(of=behind)}"

        presentation = Presentation(await reader.overview(form.wanted), language, link, (form.trend,))
        body = presentation.render()
        more: dict[str, Any] = {
            "asked": form,
            "body": body,
            "period": presentation.period,
            "before": form.wanted.before(),
            "p": presentation,
        }
        # A change of the form fetches the figures alone.
        if request.headers.get("hx-target") == "figures":
            return pages.page(request, "_figures_body.html", who, **more)
        channels = await reader.channels()
        return pages.page(
            request,
            "figures.html",
            who,
            spans=SPANS,
            choices=_choices(channels, language),
            days=await reader.days_with_data(),
            style=f"{base}/figures/style.css?v={_STYLE_VERSION}",
            **more,
        )

    @router.get("/conversations", response_class=HTMLResponse)
    async def behind(
        request: Request,
        who: Manager,
        form: Form,
        of: Annotated[str, Query(max_length=160)] = "all",
        offset: Annotated[int, Query(ge=0, le=MOST_PASSED_OVER)] = 0,
    ) -> Response:
        language = language_of(request, who, pages.default_language)
        try:
            async with database.read() as session:
                store = Figures(session)
                rows = await store.conversations(form.wanted, of, limit=PER_PAGE + 1, offset=offset)
                count = await store.count(form.wanted, of, at_most=COUNTED + 1)
        except KeyError:
            raise NotFound("There is no such figure.") from None
        base = request.scope.get("root_path", "")
        onward = None
        if len(rows) > PER_PAGE and offset + PER_PAGE <= MOST_PASSED_OVER:
            onward = f"{base}/figures/conversations?{form.query(of=of, offset=str(offset + PER_PAGE))}"
        return pages.page(
            request,
            "figure_conversations.html",
            who,
            asked=form,
            rows=rows[:PER_PAGE],
            count=count,
            counted=COUNTED,
            offset=offset,
            onward=onward,
            named=_named(of, language),
            period=Presentation.days(form.wanted, language),
            w=lambda key: word(key, language),
            style=f"{base}/figures/style.css?v={_STYLE_VERSION}",
        )

    @router.get("/report", response_class=HTMLResponse)
    async def report(
        request: Request, who: Manager, week: Annotated[str | None, Query(max_length=10)] = None
    ) -> Response:
        """Give the weekly report as a file."""
        language = language_of(request, who, pages.default_language)
        first, last = week_of(week, today())
        page = render_report(await reader.overview(Slice(first, last)), shop_name, language)
        name = f"{first.isocalendar().year}-W{first.isocalendar().week:02}-{language}.html"
        return Response(
            page, media_type="text/html", headers={"Content-Disposition": f'attachment; filename="zusage-{name}"'}
        )

    @router.get("/style.css")
    async def style(request: Request, _who: Manager) -> Response:
        """Give the looks of figures, which the report shares."""
        if request.headers.get("if-none-match") == _STYLE_VERSION:
            return Response(status_code=HTTP_304_NOT_MODIFIED)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": _STYLE_VERSION}
        return Response(STYLE, media_type="text/css", headers=headers)

    return router


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        return None


def _choices(channels: list[str], language: Language) -> dict[str, list[tuple[str, str]]]:
    """Return what each filter offers, with its name."""
    offered: dict[str, list[str]] = {
        "channel": channels,
        "language": ["de", "en"],
        "topic": list(TOPICS),
        "handler": ["bot", "person"],
    }
    return {
        attribute: [(value, word(f"{attribute}.{value}", language)) for value in values]
        for attribute, values in offered.items()
    }


def _named(of: str, language: Language) -> str:
    """Return what the conversations have in common, in words."""
    kind, _, value = of.partition(":")
    if kind == "unmet" and value:
        level, _, sort = value.partition("/")
        return f"{word('kind.unmet', language)}: {word(f'level.{level}', language)}, {word(f'kind.{sort}', language)}"
    if kind == "left" and value:
        goal, _, step = value.partition("/")
        matter = word(f"matter.{goal.removesuffix('_form')}", language)
        return f"{matter}: {word('funnel.left_here', language)}, {word(f'step.{step}', language)}"
    if kind == "reason" and value:
        return f"{word('reason.name', language)}: {word(f'reason.{value}', language)}"
    return word(f"behind.{of}", language)
