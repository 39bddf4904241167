"""Wake-ups: tells every part, in every process, that something new was committed in a conversation.

A wake-up only says "read". It may be lost (a connection breaks, a process starts later), so whoever
waits for one also reads by itself every few seconds.
"""

import asyncio
import logging
from contextlib import suppress

import psycopg
from sqlalchemy import text

from bot.conversation import Listener
from bot.storage.database import Database

__all__ = ["Wakeup"]

log = logging.getLogger(__name__)

CHANNEL = "zusage"
RECONNECT_S = 1.0


class Wakeup:
    """Publishes the ids of conversations with news, and calls the listeners of this process.

    On SQLite there is one process, so the call is direct. On PostgreSQL it goes through NOTIFY and
    reaches all processes, this one included.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[Listener] = []
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

    async def _listen_to_others(self) -> None:
        address = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
                    own = connection.info.backend_pid
                    await connection.execute(f"LISTEN {CHANNEL}")
                    log.info("listening for news from other processes (backend %s)", own)
                    async for notice in connection.notifies():
                        await self._tell(int(notice.payload))
            except (psycopg.Error, OSError, ValueError) as error:
                log.warning("lost the wake-up connection (%s); trying again", type(error).__name__)
                await asyncio.sleep(RECONNECT_S)
