"""Wake-ups: tells every part, in every process, that something new was committed in a conversation.

A wake-up only says "read". It may be lost (a connection breaks, a process starts later), so whoever
waits for one also reads by itself every few seconds. A notice is of the moment and kept nowhere: somebody
is typing, an agent came or went.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from sqlalchemy import text

from bot.conversation import Listener
from bot.storage.database import Database

__all__ = ["Notice", "NoticeListener", "Wakeup"]

log = logging.getLogger(__name__)

CHANNEL = "zusage"
RECONNECT_S = 1.0


@dataclass(frozen=True)
class Notice:
    """Something of the moment, for whoever is looking.

    Kinds: ``typing`` (data: ``by`` customer or agent, ``name``, ``on``) in a conversation, and ``team``
    (an agent's presence or places changed), which has no conversation.
    """

    kind: str
    conversation_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


NoticeListener = Callable[[Notice], Awaitable[None]]


class Wakeup:
    """Publishes the ids of conversations with news, and calls the listeners of this process.

    On SQLite there is one process, so the call is direct. On PostgreSQL it goes through NOTIFY and
    reaches all processes, this one included.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[Listener] = []
        self._notice_listeners: list[NoticeListener] = []
        self._task: asyncio.Task[None] | None = None

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with a conversation's id whenever there is news in it."""
        self._listeners.append(listener)

    async def publish(self, conversation_id: int) -> None:
        """Say that something was committed in a conversation."""
        await self._tell(conversation_id)
        if not self._database.is_sqlite:
            async with self._database.begin() as session:
                await session.execute(text("SELECT pg_notify(:c, :id)"), {"c": CHANNEL, "id": str(conversation_id)})

    def listen_to_notices(self, listener: NoticeListener) -> None:
        """Call ``listener`` with every notice, in any process."""
        self._notice_listeners.append(listener)

    async def announce(self, notice: Notice) -> None:
        """Tell all processes something of the moment; nobody may rely on it."""
        if self._database.is_sqlite:
            await self._tell_notice(notice)
            return
        async with self._database.begin() as session:
            await session.execute(text("SELECT pg_notify(:c, :n)"), {"c": CHANNEL, "n": json.dumps(asdict(notice))})

    async def start(self) -> None:
        """Begin to listen to the other processes."""
        if not self._database.is_sqlite:
            self._task = asyncio.create_task(self._listen_to_others(), name="wakeup")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _tell(self, conversation_id: int) -> None:
        for listener in self._listeners:
            try:
                await listener(conversation_id)
            except Exception:
                log.exception("a listener failed for conversation %s", conversation_id)

    async def _tell_notice(self, notice: Notice) -> None:
        for listener in self._notice_listeners:
            try:
                await listener(notice)
            except Exception:
                log.exception("a listener failed for a notice of kind %s", notice.kind)

    async def _heard(self, payload: str) -> None:
        if payload.startswith("{"):
            await self._tell_notice(Notice(**json.loads(payload)))
        else:
            await self._tell(int(payload))

    async def _listen_to_others(self) -> None:
        address = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
                    own = connection.info.backend_pid
                    await connection.execute(f"LISTEN {CHANNEL}")
                    log.info("listening for news from other processes (backend %s)", own)
                    async for notice in connection.notifies():
                        await self._heard(notice.payload)
            except (psycopg.Error, OSError, ValueError, TypeError) as error:
                log.warning("lost the wake-up connection (%s); trying again", type(error).__name__)
                await asyncio.sleep(RECONNECT_S)
