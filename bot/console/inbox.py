"""The main page: what waits, what is mine, and one conversation with all that is known of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from bot.clock import Clock
from bot.console.auth import Authentication, SignedIn
from bot.console.guard import Door
from bot.console.live import Live, Screen, section_of
from bot.console.rendering import Pages, language_of
from bot.conversation import Author, ConversationState, HandoffState
from bot.errors import NotFound
from bot.escalation import EscalationReason
from bot.handoff.service import CLOSE_REASONS
from bot.handoff.waiting import PRESENT_FOR
from bot.storage.agents import Agents
from bot.storage.database import Database, Session
from bot.storage.desk import Desk
from bot.storage.handoffs import Handoffs
from bot.storage.inbox import Inbox, InboxFilter, InboxRow
from bot.storage.records import Records
from bot.storage.tables import ConversationRow, Handoff

__all__ = ["ConversationView", "conversation_view", "inbox_routes"]

SECTIONS = ("mine", "queue", "snoozed", "colleagues")
THREAD = 100  # messages shown at once; earlier ones on request


@dataclass(frozen=True)
class ConversationView:
    """One conversation as an agent sees it."""

    conversation: ConversationRow
    handoff: Handoff | None
    agent_name: str | None
    messages: list[Any]
    earlier: bool
    deliveries: dict[int, str]
    tags: list[str]
    mode: str  # what the agent may do: reply, accept, colleague, closed, bot
    snoozed: bool

    @property
    def id(self) -> int:
        """The conversation's key."""
        return self.conversation.id


async def conversation_view(
    session: Session, conversation_id: int, who: SignedIn, now: datetime, *, before: int | None = None
) -> ConversationView:
    """Read a conversation for an agent.

    Raises:
        NotFound: there is none.
    """
    inbox = Inbox(session)
    conversation = await inbox.conversation(conversation_id)
    if conversation is None:
        raise NotFound("There is no such conversation.")
    handoff = await Handoffs(session).latest_of(conversation_id)
    messages = await inbox.latest_messages(conversation_id, reader=who.agent.id, before=before, limit=THREAD + 1)
    names = await Agents(session).names([handoff.agent_id] if handoff and handoff.agent_id else [])
    ours = [m.id for m in messages if m.author in (Author.AGENT, Author.BOT, Author.SYSTEM)]
    return ConversationView(
        conversation=conversation,
        handoff=handoff,
        agent_name=names.get(handoff.agent_id) if handoff and handoff.agent_id else None,
        messages=messages[-THREAD:],
        earlier=len(messages) > THREAD,
        deliveries=await inbox.delivery_states(ours),
        tags=(await inbox.tags_of([conversation_id])).get(conversation_id, []),
        mode=_mode(conversation, handoff, who),
        snoozed=handoff is not None and handoff.snoozed_until is not None and handoff.snoozed_until > now,
    )


def _mode(conversation: ConversationRow, handoff: Handoff | None, who: SignedIn) -> str:
    if handoff is not None and handoff.state == HandoffState.QUEUED:
        return "accept"
    if handoff is not None and handoff.state == HandoffState.ACCEPTED:
        return "reply" if handoff.agent_id == who.agent.id else "colleague"
    return "closed" if conversation.state == ConversationState.CLOSED or handoff is not None else "bot"


def filter_of(
    who: SignedIn,
    *,
    reason: str = "",
    channel: str = "",
    language: str = "",
    team: str = "",
    tag: str = "",
) -> InboxFilter:
    """Return the filter that the address of a list names; empty values do not restrict."""
    return InboxFilter(
        reason=reason or None, channel=channel or None, language=language or None, team=team or None, tag=tag or None
    )


def inbox_routes(
    database: Database,
    auth: Authentication,
    door: Door,
    pages: Pages,
    live: Live,
    clock: Clock,
    side: Callable[[Session, ConversationView], Awaitable[dict[str, Any]]],
) -> APIRouter:
    """Return the routes of the lists, of one conversation, and of the stream of changes."""
    router = APIRouter()
    Who = Annotated[SignedIn, Depends(door.signed_in)]

    def chosen_filter(
        who: Who,
        reason: Annotated[str, Query(max_length=40)] = "",
        channel: Annotated[str, Query(max_length=20)] = "",
        language: Annotated[str, Query(max_length=2)] = "",
        team: Annotated[str, Query(max_length=40)] = "",
        tag: Annotated[str, Query(max_length=40)] = "",
    ) -> InboxFilter:
        return filter_of(who, reason=reason, channel=channel, language=language, team=team, tag=tag)

    Chosen = Annotated[InboxFilter, Depends(chosen_filter)]

    async def lists(session: Session, who: SignedIn, chosen: InboxFilter, now: datetime) -> dict[str, Any]:
        rows: dict[str, list[InboxRow]] = {name: [] for name in SECTIONS}
        for row in await Inbox(session).open(chosen):
            section = section_of(row, who.agent.id, now)
            if section is not None:
                rows[section].append(row)
        return {"lists": rows, "chosen": chosen}

    async def frame(session: Session, who: SignedIn, now: datetime) -> dict[str, Any]:
        """Return what every full page shows: colleagues, choices of the filters."""
        agents = Agents(session)
        return {
            "colleagues": await agents.colleagues(now - PRESENT_FOR, now),
            "teams": await agents.team_names(),
            "reasons": [reason.value for reason in EscalationReason],
            "close_reasons": CLOSE_REASONS,
            "tags_known": await Inbox(session).tag_names(),
            "channels": ("web", "telegram", "rest"),
        }

    @router.get("/", response_class=HTMLResponse)
    async def inbox(request: Request, who: Who, chosen: Chosen) -> Response:
        now = clock()
        async with database.read() as session:
            values = {**await lists(session, who, chosen, now), **await frame(session, who, now)}
        return pages.page(request, "inbox.html", who, view=None, side=None, query=request.url.query, **values)

    @router.get("/lists", response_class=HTMLResponse)
    async def just_lists(request: Request, who: Who, chosen: Chosen) -> Response:
        now = clock()
        async with database.read() as session:
            values = {**await lists(session, who, chosen, now), **await frame(session, who, now)}
        return pages.page(request, "_lists.html", who, **values)

    @router.get("/conversations/{conversation_id}", response_class=HTMLResponse)
    async def conversation(request: Request, who: Who, chosen: Chosen, conversation_id: int) -> Response:
        now = clock()
        async with database.read() as session:
            view = await conversation_view(session, conversation_id, who, clock())
            values: dict[str, Any] = {"view": view, "side": await side(session, view)}
            values |= await frame(session, who, now)
            values["draft"] = await Desk(session).draft(who.agent.id, conversation_id)
            if request.headers.get("hx-request") != "true":
                values |= await lists(session, who, chosen, now)
        async with database.begin() as session:
            Records(session).audit(f"agent:{who.agent.id}", "conversation.view", now, conversation_id=conversation_id)
        template = "_conversation.html" if request.headers.get("hx-request") == "true" else "inbox.html"
        return pages.page(request, template, who, query=request.url.query, **values)

    @router.get("/conversations/{conversation_id}/live", response_class=HTMLResponse)
    async def fresh(request: Request, who: Who, conversation_id: int, mode: str = "") -> Response:
        """Return the thread as it is now, and beside it whatever else of the conversation changed its looks."""
        now = clock()
        async with database.read() as session:
            view = await conversation_view(session, conversation_id, who, clock())
            values: dict[str, Any] = {
                "view": view,
                "side": await side(session, view),
                "shown_mode": mode,
                "draft": "",
            }
            values |= await frame(session, who, now)
        return pages.page(request, "_live.html", who, **values)

    @router.get("/conversations/{conversation_id}/earlier", response_class=HTMLResponse)
    async def earlier(request: Request, who: Who, conversation_id: int, before: int) -> Response:
        async with database.read() as session:
            view = await conversation_view(session, conversation_id, who, clock(), before=before)
        return pages.page(request, "_messages.html", who, view=view)

    @router.get("/search", response_class=HTMLResponse)
    async def search(request: Request, who: Who, q: Annotated[str, Query(max_length=100)] = "") -> Response:
        """Find conversations by anything said in them."""
        async with database.read() as session:
            hits = await Desk(session).search(q, reader=who.agent.id)
        if q.strip():
            async with database.begin() as session:
                Records(session).audit(f"agent:{who.agent.id}", "search", clock(), words=q)
        return pages.page(request, "_search.html", who, hits=hits, query=q.strip())

    @router.get("/events")
    async def events(request: Request, who: Who, chosen: Chosen) -> Response:
        """Stream what changes, for one open page."""
        token = request.cookies.get(door.cookie)

        async def still_allowed() -> bool:
            now_there = await auth.signed_in(token)
            return now_there is not None and now_there.session_id == who.session_id

        async with database.begin() as session:
            await Agents(session).seen(who.agent.id, clock())
        screen = Screen(who.agent.id, language_of(request, who, pages.default_language), chosen)
        return StreamingResponse(
            live.stream(screen, still_allowed),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router
