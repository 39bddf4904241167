"""What agents do with a conversation: accept, reply, note, pass on, put aside, return, close, reopen, tag."""

from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.status import HTTP_204_NO_CONTENT

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.drafts import DraftReader, chosen_promises
from bot.console.guard import Door
from bot.console.rendering import Pages
from bot.console.saved_replies import filled
from bot.console.suggestions import Suggestions
from bot.conversation import Attachment, Listener, clean_text
from bot.errors import Conflict, InvalidInput, NotFound
from bot.escalation import EscalationReason
from bot.handoff.service import HandoffService
from bot.storage.agents import Agents
from bot.storage.chats import Chats
from bot.storage.conversations import Conversations
from bot.storage.database import Database, Session
from bot.storage.desk import Desk
from bot.storage.handoffs import Handoffs
from bot.storage.inbox import Inbox
from bot.storage.records import Records
from bot.storage.tables import Agent, ConversationRow
from bot.storage.wakeup import Notice
from bot.survey.service import SurveyService

__all__ = ["PictureStore", "conversation_routes"]

MESSAGE_MAX = 4000  # characters
FILES_MAX = 4  # per message
MORNING = time(8, 0)
SNOOZES = ("15m", "1h", "3h", "tomorrow", "monday")


class PictureStore(Protocol):
    """Keeps pictures. What keeps customers' pictures keeps agents' too: made anew, so that nothing hides in them."""

    async def keep(self, data: bytes, name: str) -> tuple[Attachment, str]:
        """Store a picture; return it and the name of its file.

        Raises:
            InvalidInput: it is too large or no picture.
        """
        ...

    def path(self, file_name: str) -> Path:
        """Return where a kept picture is."""
        ...

    def drop(self, file_name: str) -> None:
        """Delete a kept picture."""
        ...


def conversation_routes(
    database: Database,
    door: Door,
    pages: Pages,
    handoffs: HandoffService,
    surveys: SurveyService,
    pictures: PictureStore,
    drafts: DraftReader,
    suggestions: Suggestions,
    shop_name: str,
    publish: Listener,
    announce: Callable[[Notice], Awaitable[None]],
    clock: Clock,
) -> APIRouter:
    """Return the routes of everything that changes a conversation. They answer 204; the page hears of it live."""
    router = APIRouter(prefix="/conversations/{conversation_id}")
    Who = Annotated[SignedIn, Depends(door.signed_in)]
    Words = Annotated[str, Form(max_length=MESSAGE_MAX)]

    async def open_handoff(session: Session, conversation_id: int) -> int:
        handoff = await Handoffs(session).open_of(conversation_id)
        if handoff is None:
            raise Conflict("This conversation is with nobody (any more).", code="handoff_ended")
        return handoff.id

    async def agent_of(session: Session, who: SignedIn) -> Agent:
        agent = await Agents(session).get(who.agent.id)
        assert agent is not None  # signed in a moment ago, and agents are never deleted
        return agent

    async def done(conversation_id: int, *, places: bool = False) -> Response:
        if places:
            await announce(Notice("team"))
        await publish(conversation_id)
        return Response(status_code=HTTP_204_NO_CONTENT)

    # -- whose it is

    @router.post("/accept")
    async def accept(who: Who, conversation_id: int) -> Response:
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            await handoffs.accept(session, handoff_id, await agent_of(session, who), clock())
        return await done(conversation_id, places=True)

    @router.post("/take")
    async def take_over(who: Who, conversation_id: int) -> Response:
        """Reopen what has ended, or step in where the bot answers."""
        async with database.begin() as session:
            ended = await Handoffs(session).latest_of(conversation_id)
            reason = EscalationReason.REOPENED if ended is not None else EscalationReason.STEPPED_IN
            await handoffs.take_over(session, conversation_id, await agent_of(session, who), reason, clock())
        return await done(conversation_id, places=True)

    @router.post("/transfer")
    async def transfer(
        who: Who,
        conversation_id: int,
        to: Annotated[str, Form(pattern=r"^(agent:\d{1,9}|team:.{1,40})$")],
        text: Words = "",
    ) -> Response:
        kind, _, name = to.partition(":")
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            colleague = await Agents(session).get(int(name)) if kind == "agent" else None
            if kind == "agent" and colleague is None:
                raise NotFound("There is no such colleague.")
            await handoffs.transfer(
                session,
                handoff_id,
                await agent_of(session, who),
                clock(),
                to=colleague,
                team=name if kind == "team" else None,
                note=clean_text(text),
            )
        return await done(conversation_id, places=True)

    @router.post("/snooze")
    async def snooze(
        who: Who, conversation_id: int, until: Annotated[str, Form(pattern=f"^({'|'.join(SNOOZES)}|)$")] = ""
    ) -> Response:
        now = clock()
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            at = _snoozed_until(until, now, pages.zone) if until else None
            await handoffs.snooze(session, handoff_id, await agent_of(session, who), at, now)
        return await done(conversation_id, places=True)

    @router.post("/return")
    async def give_back(who: Who, conversation_id: int, text: Words = "") -> Response:
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            agent = await agent_of(session, who)
            await handoffs.give_back(session, handoff_id, agent, clock(), words=clean_text(text) or None)
            await Desk(session).keep_draft(who.agent.id, conversation_id, "", clock())
        return await done(conversation_id, places=True)

    @router.post("/close")
    async def close(who: Who, conversation_id: int, reason: Annotated[str, Form(max_length=40)] = "solved") -> Response:
        now = clock()
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            conversation = await handoffs.close(session, handoff_id, await agent_of(session, who), now, reason=reason)
            if reason != "spam":
                for item in await surveys.offer(session, conversation, "agent_closed", now):
                    await Conversations(session).add_reply(conversation, item, now)
            await Desk(session).keep_draft(who.agent.id, conversation_id, "", now)
        return await done(conversation_id, places=True)

    @router.post("/seen")
    async def seen(who: Who, conversation_id: int) -> Response:
        async with database.begin() as session:
            news = await handoffs.seen(session, conversation_id, await agent_of(session, who))
        return await done(conversation_id) if news else Response(status_code=HTTP_204_NO_CONTENT)

    # -- words

    @router.post("/reply")
    async def reply(request: Request, who: Who, conversation_id: int, text: Words = "") -> Response:
        """Send a reply with its pictures, and record the promises that the agent left ticked."""
        words = clean_text(text)
        form = await request.form()
        file_ids = [str(value) for value in form.getlist("attachment")][:FILES_MAX]
        if not words and not file_ids:
            raise InvalidInput("The message is empty.", code="empty_message")
        now = clock()
        promises = chosen_promises(form, pages.zone, now)
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            agent = await agent_of(session, who)
            attached = []
            for file_id in file_ids:
                row = await Chats(session).attachment(file_id)
                if row is None or row.conversation_id != conversation_id:
                    raise NotFound("One of the pictures is gone; please attach it again.")
                attached.append(Attachment(id=row.public_id, name=row.name, media_type=row.media_type, size=row.size))
            await handoffs.reply(session, handoff_id, agent, words, now, attachments=attached)
            for promise in promises:
                await Records(session).promise(promise.row(conversation_id, agent.id, now))
            await Desk(session).keep_draft(who.agent.id, conversation_id, "", now)
        return await done(conversation_id)

    @router.post("/note")
    async def note(who: Who, conversation_id: int, text: Words, private: Annotated[bool, Form()] = False) -> Response:
        words = clean_text(text)
        if not words:
            raise InvalidInput("The note is empty.", code="empty_message")
        async with database.begin() as session:
            agent = await agent_of(session, who)
            await handoffs.note(session, conversation_id, agent, words, clock(), private=private)
            await Desk(session).keep_draft(who.agent.id, conversation_id, "", clock())
        return await done(conversation_id)

    @router.post("/draft", response_class=HTMLResponse)
    async def draft(request: Request, who: Who, conversation_id: int, text: Words = "") -> Response:
        """Keep what is typed, and return what there is to say about it: promises in it, a feeling passed over."""
        hints = await drafts.read(conversation_id, text)
        async with database.begin() as session:
            await Desk(session).keep_draft(who.agent.id, conversation_id, text, clock())
        return pages.page(request, "_hints.html", who, hints=hints)

    @router.post("/typing")
    async def typing(who: Who, conversation_id: int, on: Annotated[bool, Form()]) -> Response:
        async with database.read() as session:
            handoff = await Handoffs(session).open_of(conversation_id)
        if handoff is not None and handoff.agent_id == who.agent.id:
            await announce(Notice("typing", conversation_id, {"by": "agent", "name": who.agent.name, "on": on}))
        return Response(status_code=HTTP_204_NO_CONTENT)

    @router.get("/saved-replies", response_class=HTMLResponse)
    async def saved_replies(request: Request, who: Who, conversation_id: int) -> Response:
        """Return the canned replies, filled in for this conversation."""
        conversation, values = await _variables(who, conversation_id)
        async with database.read() as session:
            rows = await Desk(session).saved_replies(who.agent.team)
        replies = [filled(row, conversation.language, values) for row in rows]
        return pages.page(request, "_saved_list.html", who, replies=replies)

    @router.get("/suggestions", response_class=HTMLResponse)
    async def suggested(request: Request, who: Who, conversation_id: int) -> Response:
        """Return what could be answered to the customer's last words."""
        conversation, values = await _variables(who, conversation_id)
        found = await suggestions.read(conversation, who.agent, values)
        return pages.page(request, "_suggestions.html", who, suggestions=found)

    async def _variables(who: SignedIn, conversation_id: int) -> tuple[ConversationRow, dict[str, str]]:
        """Return a conversation, and the values of the variables of canned replies in it."""
        async with database.read() as session:
            inbox = Inbox(session)
            conversation = await inbox.conversation(conversation_id)
            if conversation is None:
                raise NotFound("There is no such conversation.")
            person = (await inbox.people([conversation.public_id])).get(conversation.public_id)
            handoff = await Handoffs(session).latest_of(conversation_id)
        orders = (handoff.summary.get("orders") or []) if handoff else []
        return conversation, {
            "agent": who.agent.name,
            "customer": person.name if person else "",
            "order": str(orders[-1]) if orders else "",
            "shop": shop_name,
        }

    # -- pictures

    @router.post("/attachments", response_class=HTMLResponse)
    async def attach(
        request: Request, who: Who, conversation_id: int, name: Annotated[str, Query(max_length=200)] = ""
    ) -> Response:
        """Keep a picture for the next reply."""
        async with database.read() as session:
            handoff = await Handoffs(session).open_of(conversation_id)
        if handoff is None or handoff.agent_id != who.agent.id:
            raise Conflict("You do not have this conversation (any more).", code="handoff_not_yours")
        picture, file_name = await pictures.keep(await request.body(), name)
        try:
            async with database.begin() as session:
                await Chats(session).add_attachment(conversation_id, picture, file_name, clock())
        except BaseException:
            pictures.drop(file_name)
            raise
        return pages.page(request, "_attached.html", who, picture=picture)

    @router.get("/attachments/{file_id}")
    async def attachment(who: Who, conversation_id: int, file_id: str) -> Response:
        """Show a picture of the conversation."""
        async with database.read() as session:
            row = await Chats(session).attachment(file_id)
        if row is None or row.conversation_id != conversation_id or not pictures.path(row.path).exists():
            raise NotFound("There is no such picture.")
        headers = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "private, max-age=86400"}
        return FileResponse(pictures.path(row.path), media_type="image/jpeg", filename=row.name, headers=headers)

    # -- tags

    @router.post("/tags")
    async def tag(who: Who, conversation_id: int, name: Annotated[str, Form(max_length=40)]) -> Response:
        words = " ".join(clean_text(name).split())
        if not words:
            raise InvalidInput("The tag is empty.", code="empty_message")
        await _change_tag(who, conversation_id, words, on=True)
        return await done(conversation_id)

    @router.post("/tags/remove")
    async def untag(who: Who, conversation_id: int, name: Annotated[str, Form(max_length=40)]) -> Response:
        await _change_tag(who, conversation_id, name, on=False)
        return await done(conversation_id)

    async def _change_tag(who: SignedIn, conversation_id: int, name: str, *, on: bool) -> None:
        async with database.begin() as session:
            try:
                await Conversations(session).locked(conversation_id)
            except LookupError:
                raise NotFound("There is no such conversation.") from None
            desk = Desk(session)
            changed = await (desk.tag(conversation_id, name) if on else desk.untag(conversation_id, name))
            if changed:
                details: dict[str, Any] = {"tag": name}
                Records(session).audit(
                    f"agent:{who.agent.id}",
                    "conversation.tag" if on else "conversation.untag",
                    clock(),
                    conversation_id=conversation_id,
                    **details,
                )

    return router


def _snoozed_until(choice: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant that a choice of being put aside means."""
    if choice.endswith("m"):
        return now + timedelta(minutes=int(choice[:-1]))
    if choice.endswith("h"):
        return now + timedelta(hours=int(choice[:-1]))
    today = now.astimezone(zone).date()
    days = 1 if choice == "tomorrow" else 7 - today.weekday()
    return datetime.combine(today + timedelta(days=days), MORNING, zone)
