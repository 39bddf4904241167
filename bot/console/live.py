"""Says to open consoles what changed, as server-sent events. What they show comes from the database."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.clock import Clock
from bot.conversation import HandoffState, Language
from bot.storage.agents import Agents
from bot.storage.database import Database
from bot.storage.inbox import Inbox, InboxFilter, InboxRow
from bot.storage.wakeup import Notice

__all__ = ["Live", "Screen", "section_of"]

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
# Changes that come close together are read together.
GATHER_S = 0.02
NOTICES_KEPT = 20

RowRenderer = Callable[[InboxRow, Language], str]


def section_of(row: InboxRow, agent_id: int, now: datetime) -> str | None:
    """Return the list in which an agent sees a conversation: queue, mine, snoozed, colleagues; None once ended."""
    if row.state == HandoffState.QUEUED:
        return "queue"
    if row.state != HandoffState.ACCEPTED:
        return None
    if row.agent_id != agent_id:
        return "colleagues"
    # Whoever writes while put aside is back at once.
    return "snoozed" if row.snoozed_until is not None and row.snoozed_until > now and not row.unread else "mine"


@dataclass(eq=False)
class Screen:
    """One open console page. What waits to be sent is bounded: the latest per conversation."""

    agent_id: int
    language: Language
    chosen: InboxFilter
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False


class Live:
    """Knows the open screens of this process and tells each what concerns it."""

    def __init__(self, database: Database, clock: Clock, render_row: RowRenderer) -> None:
        self._database = database
        self._clock = clock
        self._render_row = render_row
        self._screens: set[Screen] = set()
        self._changed: set[int] = set()
        self._news = asyncio.Event()
        self._known: dict[int, tuple[Any, ...]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to tell."""
        self._task = asyncio.create_task(self._work(), name="console-live")

    async def stop(self) -> None:
        """End all streams."""
        for screen in self._screens:
            screen.ended = True
            screen.news.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    # -- what happens

    async def wake(self, conversation_id: int) -> None:
        """Note that something was committed in a conversation."""
        if self._screens:
            self._changed.add(conversation_id)
            self._news.set()

    async def notice(self, notice: Notice) -> None:
        """Pass on something of the moment."""
        for screen in self._screens:
            screen.notices = [*screen.notices[-NOTICES_KEPT:], notice]
            screen.news.set()

    async def look_again(self) -> None:
        """Find what changed without a wake-up reaching us."""
        if not self._screens:
            self._known = {}
            return
        async with self._database.read() as session:
            now_known = await Inbox(session).fingerprints()
        before = self._known
        self._known = now_known
        for conversation_id in before.keys() | now_known.keys():
            if before.get(conversation_id) != now_known.get(conversation_id):
                await self.wake(conversation_id)

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_S)
            self._news.clear()
            changed, self._changed = self._changed, set()
            try:
                await self._tell(changed)
            except Exception:
                log.exception("the console could not be told of changes; it reads again by itself")

    async def _tell(self, changed: set[int]) -> None:
        async with self._database.read() as session:
            rows = {row.conversation_id: row for row in await Inbox(session).of_conversations(sorted(changed))}
        now = self._clock()
        rendered: dict[tuple[int, Language], str] = {}
        for screen in self._screens:
            for conversation_id in changed:
                row = rows.get(conversation_id)
                section = section_of(row, screen.agent_id, now) if row and screen.chosen.matches(row) else None
                if row is not None and section is not None:
                    key = (conversation_id, screen.language)
                    if key not in rendered:
                        rendered[key] = self._render_row(row, screen.language)
                    screen.rows[conversation_id] = {
                        "id": conversation_id, "section": section, "unread": row.unread, "html": rendered[key]
                    }  # fmt: skip
                else:
                    screen.rows[conversation_id] = {"id": conversation_id, "section": None}
            screen.news.set()

    # -- one screen

    async def stream(self, screen: Screen, still_allowed: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
        """Yield the events of one screen until it goes or may no longer see them.

        Args:
            screen: which.
            still_allowed: asked at every heartbeat whether the session still holds.
        """
        self._screens.add(screen)
        try:
            yield event("hello", {})
            beat_at = time.monotonic() + HEARTBEAT_S
            while not screen.ended:
                with suppress(TimeoutError):
                    await asyncio.wait_for(screen.news.wait(), max(0.0, beat_at - time.monotonic()))
                screen.news.clear()
                if time.monotonic() >= beat_at:
                    if not await still_allowed():
                        yield event("signed-out", {})
                        return
                    async with self._database.begin() as session:
                        await Agents(session).seen(screen.agent_id, self._clock())
                    beat_at = time.monotonic() + HEARTBEAT_S
                    yield ": here\n\n"
                rows, screen.rows = screen.rows, {}
                notices, screen.notices = screen.notices, []
                for row in rows.values():
                    yield event("row", row)
                for notice in notices:
                    yield event(notice.kind, {"id": notice.conversation_id, **notice.data})
        finally:
            self._screens.discard(screen)


def event(name: str, data: dict[str, Any]) -> str:
    """Return one server-sent event; JSON has no line breaks, so one line holds the data."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
