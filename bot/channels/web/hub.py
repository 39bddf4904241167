"""Brings what is committed in a conversation to every browser tab that has it open, by number, once, in order."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from typing import Any

from bot.channels.web.protocol import Messages, Page, ServerFrame, State, Typing, seen_by_customer
from bot.channels.web.visitors import Visitor
from bot.conversation import ConversationState, Language, Message
from bot.storage.chats import Chats, Head
from bot.storage.conversations import Conversations, to_message
from bot.storage.database import Database
from bot.storage.wakeup import Notice

__all__ = ["CHANNEL", "Hub", "Link"]

log = logging.getLogger(__name__)

CHANNEL = "web"
QUEUE = 256  # frames that may wait for one slow browser
BATCH = 100  # messages in one frame
FIRST_LOOK = 100  # messages that a returning visitor sees without asking
THINKING_AGAIN_S = 4.0


class Link:
    """One open tab: a socket, or the length of one long poll."""

    __slots__ = (
        "_frames",
        "_lost",
        "address",
        "agent",
        "browser",
        "conversation_id",
        "identity",
        "language",
        "page",
        "public_id",
        "sent",
        "state",
    )

    def __init__(self, address: str) -> None:
        self.address = address
        self.browser: Visitor | None = None
        self.language: Language = "de"
        self.identity: str | None = None
        self.page: Page | None = None  # waits for the conversation to begin
        self.conversation_id: int | None = None
        self.public_id: str | None = None
        self.sent = 0
        self.state: ConversationState | None = None
        self.agent: str | None = None
        self._lost = False
        self._frames: asyncio.Queue[ServerFrame | None] = asyncio.Queue()

    @property
    def visitor(self) -> str:
        """The visitor's id; empty before the hello."""
        return self.browser.id if self.browser is not None else ""

    def push(self, frame: ServerFrame) -> None:
        """Queue a frame for the browser. Never waits: one slow browser must not hold up others."""
        if self._frames.qsize() >= QUEUE:
            self.let_go()
        elif not self._lost:
            self._frames.put_nowait(frame)

    def let_go(self) -> None:
        """End this tab's connection. The browser comes back and reads on from its last number."""
        self.waiting()
        self._lost = True
        self._frames.put_nowait(None)

    async def next(self) -> ServerFrame | None:
        """Wait for the next frame; None when the connection is to end."""
        return await self._frames.get()

    def waiting(self) -> list[ServerFrame]:
        """Take all frames that wait now."""
        frames = []
        while not self._frames.empty():
            frame = self._frames.get_nowait()
            if frame is not None:
                frames.append(frame)
        return frames

    def is_at(self, head: Head) -> bool:
        """Tell whether the browser has everything there is."""
        return (
            self.conversation_id == head.conversation_id and self.sent >= head.last_number and self.state == head.state
        )


class Hub:
    """Knows which tabs are open, and reads from the database what they lack.

    A wake-up only says "read", and may be lost; ``look_again`` reads without one. What a tab has is
    counted by number, so nothing is sent twice and nothing is left out however often it is read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_visitor: defaultdict[str, set[Link]] = defaultdict(set)
        self._by_conversation: defaultdict[int, set[Link]] = defaultdict(set)
        self._reading: set[int] = set()
        self._read_again: set[int] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- tabs come and go

    def join(self, link: Link) -> None:
        """Begin to bring news to a tab. Its visitor must be set."""
        self._by_visitor[link.visitor].add(link)
        if link.conversation_id is not None:
            self._by_conversation[link.conversation_id].add(link)

    def leave(self, link: Link) -> None:
        """Stop bringing news to a tab."""
        _discard(self._by_visitor, link.visitor, link)
        if link.conversation_id is not None:
            _discard(self._by_conversation, link.conversation_id, link)

    def follow(self, visitor: str, conversation_id: int, public_id: str) -> None:
        """Let all tabs of a visitor follow a conversation, which may be new, from its beginning."""
        for link in self._by_visitor.get(visitor, ()):
            if link.conversation_id == conversation_id:
                continue
            if link.conversation_id is not None:
                _discard(self._by_conversation, link.conversation_id, link)
            link.conversation_id, link.public_id = conversation_id, public_id
            link.sent, link.state, link.agent = 0, None, None
            self._by_conversation[conversation_id].add(link)

    def is_present(self, conversation_id: int) -> bool:
        """Tell whether the customer has the conversation open in this process."""
        return conversation_id in self._by_conversation

    @property
    def tabs(self) -> int:
        """How many tabs are open."""
        return sum(len(links) for links in self._by_visitor.values())

    # -- news

    async def wake(self, conversation_id: int) -> None:
        """Read what is new in a conversation, in the background."""
        if conversation_id in self._by_conversation:
            self.in_background(self.bring(conversation_id))

    async def look_again(self) -> None:
        """Find what no wake-up told of: news, and conversations that began in another process."""
        # A conversation that begins while we read is in the tab but not in what was read: it was not erased.
        begun = {
            visitor: [tab for tab in tabs if tab.conversation_id is not None]
            for visitor, tabs in self._by_visitor.items()
        }
        async with self._database.read() as session:
            heads = await Chats(session).heads(CHANNEL, list(begun))
        for visitor, head in heads.items():
            if all(link.is_at(head) for link in self._by_visitor.get(visitor, ())):
                continue
            self.follow(visitor, head.conversation_id, head.public_id)
            await self.bring(head.conversation_id)
        for visitor, tabs in begun.items():
            if visitor not in heads:  # erased: let the browser come back and find nothing
                for tab in tabs:
                    tab.let_go()

    async def bring(self, conversation_id: int) -> None:
        """Read what the tabs of a conversation lack, and push it to them.

        One reading per conversation at a time; whoever asks meanwhile makes it read once more.
        """
        if conversation_id in self._reading:
            self._read_again.add(conversation_id)
            return
        self._reading.add(conversation_id)
        try:
            more = True
            while more:
                self._read_again.discard(conversation_id)
                more = await self._read_once(conversation_id) or conversation_id in self._read_again
        finally:
            self._reading.discard(conversation_id)
            self._read_again.discard(conversation_id)

    async def _read_once(self, conversation_id: int) -> bool:
        """Push the next batch; tell whether there may be more."""
        links = self._by_conversation.get(conversation_id)
        if not links:
            return False
        after = min(link.sent for link in links)
        async with self._database.read(short=True) as session:
            head = await Chats(session).head(conversation_id)
            if head is None:  # erased meanwhile
                return False
            agent = None
            if head.state is ConversationState.AGENT:
                agent = await Chats(session).agent_name(conversation_id)
            rows = await Conversations(session).messages(conversation_id, after=after, limit=BATCH)
            messages = [to_message(row) for row in rows]
        upto = messages[-1].number if messages else after
        behind = False
        for link in tuple(self._by_conversation.get(conversation_id, ())):
            if link.sent < after:  # joined while we read
                behind = True
                continue
            if (link.state, link.agent) != (head.state, agent):
                link.state, link.agent = head.state, agent
                link.push(State(conversation=head.public_id, state=head.state, agent=agent, language=head.language))
            if link.sent < upto:
                link.push(batch(head.public_id, link.sent, upto, messages))
                link.sent = upto
        return behind or len(messages) == BATCH

    # -- somebody is about to answer

    def typing(self, conversation_id: int, frame: Typing) -> None:
        """Tell the tabs of a conversation that somebody is writing, or no longer."""
        for link in self._by_conversation.get(conversation_id, ()):
            link.push(frame)

    async def heard(self, notice: Notice) -> None:
        """Show the customer that an agent is typing."""
        if notice.kind != "typing" or notice.conversation_id is None or notice.data.get("by") != "agent":
            return
        for link in self._by_conversation.get(notice.conversation_id, ()):
            if link.public_id is not None:
                on = bool(notice.data.get("on"))
                link.push(Typing(conversation=link.public_id, on=on, who="agent", number=link.sent))

    # -- background work

    def in_background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something whose end nobody waits for; its failure is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background work of the web chat failed", exc_info=error)

    async def stop(self) -> None:
        """Let go of everything under way. What was stored is answered after the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def batch(public_id: str, after: int, upto: int, messages: Iterable[Message], **flags: bool) -> Messages:
    """Return the frame that carries what the customer may see of a stretch of a conversation."""
    seen = [shown for message in messages if after < message.number <= upto and (shown := seen_by_customer(message))]
    return Messages(conversation=public_id, after=after, upto=upto, messages=seen, **flags)


def _discard[K](index: dict[K, set[Link]], key: K, link: Link) -> None:
    links = index.get(key)
    if links is not None:
        links.discard(link)
        if not links:
            del index[key]
