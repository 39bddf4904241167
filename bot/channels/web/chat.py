"""What a browser may do in its chat: every frame it can send, and what it gets for it."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.channels.web.hub import BATCH, CHANNEL, FIRST_LOOK, THINKING_AGAIN_S, Hub, Link, batch
from bot.channels.web.limits import Allowances
from bot.channels.web.protocol import (
    VERSION,
    AskEarlier,
    AskPromises,
    AskService,
    ClientFrame,
    Hello,
    Identify,
    Messages,
    Page,
    Ping,
    Pong,
    PromiseItem,
    Promises,
    Received,
    Refused,
    Restart,
    Say,
    Service,
    SetLanguage,
    SetPage,
    Sync,
    Typing,
    Welcome,
    Writing,
)
from bot.channels.web.visitors import Visitor, Visitors
from bot.clock import Clock, utc_now
from bot.conversation import Attachment, ConversationState, Incoming
from bot.errors import InvalidInput, NotFound, TooManyRequests, Unauthenticated, ZusageError
from bot.handoff.service import HandoffService
from bot.settings import Settings
from bot.storage.chats import Chats
from bot.storage.conversations import Conversations, to_message
from bot.storage.database import Database
from bot.storage.records import Records
from bot.storage.wakeup import Notice, NoticeListener
from bot.turn import Receipt, TurnHandler

__all__ = ["Chat", "SignIn"]

log = logging.getLogger(__name__)


class SignIn(Protocol):
    """Believes the shop's signed token of a customer (bot/shop/verification.py does it)."""

    async def customer_of(self, token: str) -> str:
        """Return the id of the customer whom a token names.

        Raises:
            Unauthenticated: the token is wrong, expired or for somebody unknown.
        """
        ...

    async def sign_in(self, conversation_id: str, token: str, now: datetime) -> str:
        """Note the proof for a conversation, by its public id, and return the customer's id.

        Raises:
            Unauthenticated: as above.
        """
        ...


@dataclass
class Chat:
    """Handles the frames of all tabs. What a tab is, it is told in ``Link``; nothing else is kept here."""

    settings: Settings
    database: Database
    hub: Hub
    turns: TurnHandler
    handoffs: HandoffService
    visitors: Visitors
    announce: NoticeListener
    sign_in: SignIn | None = None
    clock: Clock = utc_now

    def __post_init__(self) -> None:
        per_minute = self.settings.chat_messages_per_minute
        self._messages = Allowances(burst=max(5, per_minute / 3), per_s=per_minute / 60)
        per_network = self.settings.chat_messages_per_minute_per_address
        self._network = Allowances(burst=max(5, per_network / 3), per_s=per_network / 60)
        newcomers = self.settings.chat_new_visitors_per_minute
        self._newcomers = Allowances(burst=max(5, newcomers), per_s=newcomers / 60)

    # -- coming in

    async def hello(self, link: Link, frame: Hello) -> None:
        """Find out who is there and bring what is new.

        Raises:
            InvalidInput: the page speaks another version of the protocol.
            TooManyRequests: too many browsers without a history from one network.
        """
        if frame.protocol != VERSION:
            raise InvalidInput("This page speaks another version of the protocol; load it again.", code="outdated")
        visitor = self.visitors.read(frame.visitor)
        if visitor is None:
            _wait_or_go_on(self._newcomers.take(link.address), "There are too many new chats from your network.")
            visitor = self.visitors.new()
        if frame.identity and self.sign_in is not None:
            with suppress(Unauthenticated):  # an expired token of the shop's page must not keep the chat shut
                customer = await self.sign_in.customer_of(frame.identity)
                visitor = self.visitors.bind(visitor, customer)
                link.identity = frame.identity
        link.language = frame.language or link.language
        await self._enter(link, visitor, known_conversation=frame.conversation, after=frame.after)
        if frame.page is not None:
            await self._set_page(link, frame.page)

    async def _enter(
        self, link: Link, visitor: Visitor, *, known_conversation: str | None = None, after: int = 0
    ) -> None:
        """Put a tab into its visitor's conversation: subscribe first, then read what it lacks."""
        async with self.database.read(short=True) as session:
            head = (await Chats(session).heads(CHANNEL, [visitor.id])).get(visitor.id)
            agent = None
            if head is not None and head.state is ConversationState.AGENT:
                agent = await Chats(session).agent_name(head.conversation_id)
        self.hub.leave(link)
        link.browser = visitor
        link.conversation_id = link.public_id = None
        link.sent = 0
        start = 0
        if head is not None:
            link.conversation_id, link.public_id = head.conversation_id, head.public_id
            link.state, link.agent = head.state, agent
            if known_conversation == head.public_id:
                link.sent = min(after, head.last_number)
            else:
                start = link.sent = max(0, head.last_number - FIRST_LOOK)
        link.push(
            Welcome(
                visitor=visitor.token,
                known=visitor.known,
                conversation=link.public_id,
                state=head.state if head is not None else ConversationState.BOT,
                agent=agent,
                language=head.language if head is not None else link.language,
                service=self._service_hours(),
            )
        )
        if head is not None and known_conversation != head.public_id:
            async with self.database.read(short=True) as session:
                more = start > 0 or await Chats(session).one_before(CHANNEL, visitor.id, head.conversation_id)
            link.push(
                Messages(conversation=head.public_id, after=start, upto=start, messages=[], start=True, more=bool(more))
            )
        self.hub.join(link)
        if head is not None:
            await self.hub.bring(head.conversation_id)
            if link.identity is not None and self.sign_in is not None:
                with suppress(Unauthenticated):
                    await self.sign_in.sign_in(head.public_id, link.identity, self.clock())

    # -- frames

    async def handle(self, link: Link, frame: ClientFrame) -> None:
        """Do what a frame asks. Every refusal is a frame too; nothing is raised."""
        message_id = frame.id if isinstance(frame, Say) else None
        try:
            await self._handle(link, frame)
        except TooManyRequests as error:
            link.push(refusal(error, message_id, retry_after_s=error.retry_after_s))
        except ZusageError as error:
            link.push(refusal(error, message_id))
        except Exception:
            log.exception("a frame of the web chat could not be handled")
            link.push(
                Refused(
                    id=message_id,
                    code="unavailable",
                    message="Something went wrong on our side; please try again.",
                    retry=True,
                    retry_after_s=3,
                )
            )

    async def _handle(self, link: Link, frame: ClientFrame) -> None:
        match frame:
            case Say():
                await self._say(link, frame)
            case Hello():
                await self.hello(link, frame)
            case Sync():
                await self._sync(link, frame)
            case AskEarlier():
                await self._earlier(link, frame)
            case AskPromises():
                await self._promises(link)
            case AskService():
                link.push(await self._service())
            case SetPage():
                await self._set_page(link, frame.page)
            case SetLanguage():
                await self._set_language(link, frame)
            case Writing():
                await self._writing(link, frame)
            case Identify():
                await self._identify(link, frame)
            case Restart():
                await self._restart(link)
            case Ping():
                link.push(Pong())

    async def _say(self, link: Link, frame: Say) -> None:
        """Store a message, tell the browser, and have it answered while the browser may go on."""
        _wait_or_go_on(self._messages.take(link.visitor), "Please wait a moment before you write again.")
        _wait_or_go_on(self._network.take(link.address), "There are too many messages from your network.")
        incoming = Incoming(
            channel=CHANNEL,
            external_key=link.visitor,
            external_id=frame.id,
            text=frame.text,
            button_id=frame.button,
            attachments=await self._attachments(link, frame.attachments),
            wants_person=frame.person,
            language=link.language,
            address=link.address,
        )
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hub.in_background(self._take(link, incoming, stored))
        await stored

    async def _take(self, link: Link, incoming: Incoming, stored: asyncio.Future[None]) -> None:
        """Hand a message to the turn. ``stored`` ends when it is committed, or fails with what kept it from that."""
        typing: asyncio.Task[None] | None = None

        async def on_received(receipt: Receipt) -> None:
            nonlocal typing
            self.hub.follow(link.visitor, receipt.conversation_id, receipt.public_id)
            if link.identity is not None and self.sign_in is not None:
                # The conversation may have begun just now; the engine must find the proof when it thinks.
                with suppress(Unauthenticated):
                    await self.sign_in.sign_in(receipt.public_id, link.identity, self.clock())
            if link.page is not None:
                await self._set_page(link, link.page)
            link.push(
                Received(id=incoming.external_id, conversation=receipt.public_id, number=receipt.number, at=receipt.at)
            )
            if receipt.answered_by_bot:
                typing = self.hub.in_background(self._show_thinking(receipt))
            if not stored.done():
                stored.set_result(None)

        try:
            receipt = await self.turns.handle_turn(incoming, on_received)
        except Exception as error:
            if stored.done():
                raise
            stored.set_exception(error)
            return
        finally:
            if typing is not None:
                typing.cancel()
        if typing is not None:
            self.hub.typing(
                receipt.conversation_id, Typing(conversation=receipt.public_id, on=False, number=receipt.number)
            )

    async def _show_thinking(self, receipt: Receipt) -> None:
        """Say again and again that the bot is at it; browsers drop the sign by themselves when it stops coming."""
        while True:
            self.hub.typing(
                receipt.conversation_id, Typing(conversation=receipt.public_id, on=True, number=receipt.number)
            )
            await asyncio.sleep(THINKING_AGAIN_S)

    async def _attachments(self, link: Link, ids: list[str]) -> tuple[Attachment, ...]:
        if not ids:
            return ()
        found = []
        async with self.database.read(short=True) as session:
            for public_id in ids:
                row = await Chats(session).attachment(public_id)
                if row is None or row.conversation_id != link.conversation_id:
                    raise NotFound("This picture is not there (any more). Please choose it again.")
                found.append(Attachment(id=row.public_id, name=row.name, media_type=row.media_type, size=row.size))
        return tuple(found)

    async def _sync(self, link: Link, frame: Sync) -> None:
        """Read again from a number; a number of another conversation counts for nothing."""
        if link.conversation_id is None:
            return
        link.sent = min(link.sent, frame.after if frame.conversation == link.public_id else 0)
        await self.hub.bring(link.conversation_id)

    async def _earlier(self, link: Link, frame: AskEarlier) -> None:
        """Bring older messages of this visitor: of the conversation named, or of the one before it.

        Raises:
            NotFound: the conversation is not this visitor's.
        """
        async with self.database.read() as session:
            chats = Chats(session)
            head = await chats.own(CHANNEL, link.visitor, frame.conversation)
            if head is None:
                raise NotFound("There is no such conversation.")
            rows = await chats.messages_before(head.conversation_id, frame.before, BATCH)
            before = frame.before
            if not rows and (previous := await chats.one_before(CHANNEL, link.visitor, head.conversation_id)):
                head, before = previous, previous.last_number + 1
                rows = await chats.messages_before(head.conversation_id, before, BATCH)
            messages = [to_message(row) for row in rows]
            after = messages[0].number - 1 if messages else 0
            more = after > 0 or await chats.one_before(CHANNEL, link.visitor, head.conversation_id) is not None
        link.push(batch(head.public_id, after, before - 1, messages, earlier=True, more=more))

    async def _promises(self, link: Link) -> None:
        items: list[PromiseItem] = []
        if link.conversation_id is not None:
            async with self.database.read() as session:
                items = [
                    PromiseItem(
                        kind=row.kind,
                        wording=row.wording,
                        order=row.order_number,
                        due=row.due_at,
                        made_at=row.made_at,
                        state=row.state,
                    )
                    for row in await Records(session).promises_of(link.conversation_id)
                    if row.state != "superseded"
                ]
        link.push(Promises(promises=items[::-1]))

    def _service_hours(self) -> Service:
        now = self.clock()
        hours = self.handoffs.hours
        is_open = hours.is_open(now)
        until = next((end for start, end in hours.spans(now.astimezone(hours.zone).date()) if start <= now < end), None)
        return Service(open=is_open, until=until, opens=None if is_open else hours.opens_next(now))

    async def _service(self) -> Service:
        """Return the hours and the honest wait for whoever would ask for a person now."""
        service = self._service_hours()
        if not service.open:
            return service
        async with self.database.read() as session:
            wait_s = await self.handoffs.wait_now_s(session, self.clock())
        return service.model_copy(update={"wait_s": wait_s})

    async def _set_page(self, link: Link, page: Page) -> None:
        if link.conversation_id is None:
            link.page = page
            return
        link.page = None
        async with self.database.begin(short=True) as session:
            conversation = await Conversations(session).locked(link.conversation_id)
            conversation.page = page.model_dump(exclude_none=True)

    async def _set_language(self, link: Link, frame: SetLanguage) -> None:
        link.language = frame.language
        if link.conversation_id is None:
            return
        async with self.database.begin(short=True) as session:
            conversation = await Conversations(session).locked(link.conversation_id)
            conversation.language = frame.language

    async def _identify(self, link: Link, frame: Identify) -> None:
        """Take the shop's word for who is signed in, or that nobody is any more.

        Raises:
            Unauthenticated: the token is not good; nothing changes.
        """
        browser = link.browser
        if browser is None:
            return
        if frame.token is None:
            link.identity = None
            if browser.customer is not None:  # signed out: the next person at this computer starts anew
                await self._enter(link, self.visitors.new())
            return
        if self.sign_in is None:
            raise Unauthenticated("This service accepts no identity tokens.")
        bound = self.visitors.bind(browser, await self.sign_in.customer_of(frame.token))
        link.identity = frame.token
        if bound.id != browser.id:
            await self._enter(link, bound)
        else:
            await self._enter(link, bound, known_conversation=link.public_id, after=link.sent)

    async def _writing(self, link: Link, frame: Writing) -> None:
        if link.conversation_id is not None and link.state is ConversationState.AGENT:
            data = {"by": "customer", "name": None, "on": frame.on}
            await self.announce(Notice("typing", link.conversation_id, data))

    async def _restart(self, link: Link) -> None:
        """End the conversation and give the browser a new identity: the next person on it sees nothing."""
        if link.conversation_id is not None:
            async with self.database.begin() as session:
                conversation = await Conversations(session).locked(link.conversation_id)
                if conversation.state != ConversationState.CLOSED:
                    await self.handoffs.abandon(session, conversation, self.clock())
                    conversation.state = ConversationState.CLOSED
                    conversation.closed_at = self.clock()
                    conversation.close_reason = "restarted"
            await self.turns.publish(link.conversation_id)
        link.identity = None
        await self._enter(link, self.visitors.new())


def refusal(error: ZusageError, message_id: str | None = None, retry_after_s: float | None = None) -> Refused:
    """Return the frame that says what was wrong."""
    return Refused(
        id=message_id, code=error.code, message=error.message, retry=error.retry, retry_after_s=retry_after_s
    )


def _wait_or_go_on(seconds: float, words: str) -> None:
    if seconds:
        raise TooManyRequests(words, retry_after_s=seconds)
