"""Works off stored updates: in order within a chat, chats side by side, each once however often it is tried."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from telegram import Bot

from bot.channels.telegram.handling import Handling
from bot.channels.telegram.order import held_from
from bot.channels.telegram.reading import Event, Pictured, read
from bot.clock import Clock, utc_now
from bot.storage.database import Database
from bot.storage.telegram import OpenUpdate, Telegram

__all__ = ["Intake"]

log = logging.getLogger(__name__)

AT_ONCE = 16  # chats whose updates are handled at the same time
LOOK_AGAIN_S = 1.0
TRIES = 5
# Pictures of an album come as updates of their own, one right after another.
ALBUM_COMPLETE_AFTER = timedelta(seconds=1.5)
KEEP_UPDATES = timedelta(days=2)


@dataclass(frozen=True)
class Step:
    """One thing to be done, the updates it comes from, and whether they are dealt with when it is done."""

    event: Event | Exception | None
    rows: tuple[OpenUpdate, ...]
    last: bool = True


class Intake:
    """Works off the table of updates. Only the process that holds the lease runs it, so a chat is in one hand.

    Handling an update stores the customer's message under Telegram's id of it; the update is marked as handled
    afterwards. If the process dies in between, it is handled again and the message is recognised.
    """

    def __init__(
        self,
        database: Database,
        bot: Bot,
        bot_id: int,
        handling: Handling,
        *,
        hold: timedelta | None,
        clock: Clock = utc_now,
    ) -> None:
        """Make the intake.

        Args:
            database: where updates are.
            bot: parses them.
            bot_id: whose they are.
            handling: knows what to do about each.
            hold: how long an update waits for an earlier one that it overtook; None where none can.
            clock: the time.
        """
        self._database = database
        self._bot = bot
        self._bot_id = bot_id
        self._handling = handling
        self._hold = hold
        self._clock = clock
        self._since: datetime = clock()
        self._news = asyncio.Event()
        self._busy: set[int | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look for updates now."""
        self._news.set()

    async def run(self) -> None:
        """Handle updates until cancelled."""
        self._since = self._clock()
        try:
            while True:
                self._news.clear()
                wait_s = LOOK_AGAIN_S
                try:
                    wait_s = await self._look()
                except Exception:
                    log.exception("looking for updates failed; it goes on")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait_s)
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def forget_old_updates(self) -> None:
        """Drop what is no longer needed to recognise repetition."""
        async with self._database.begin() as session:
            await Telegram(session).forget_updates(self._clock() - KEEP_UPDATES)

    async def _look(self) -> float:
        """Begin to handle what is ready; return the seconds after which more may be."""
        now, wait_s = self._clock(), LOOK_AGAIN_S
        async with self._database.read() as session:
            telegram = Telegram(session)
            rows = await telegram.open_updates(self._bot_id)
            if rows and self._hold is not None:
                known = await telegram.known_from(self._bot_id, rows[0].update_id)
                held = held_from(known, now, hold=self._hold, not_before=self._since)
                if held is not None:
                    rows = [row for row in rows if row.update_id < held[0]]
                    wait_s = min(wait_s, max(0.01, (held[1] - now).total_seconds()))
        by_chat: dict[int | None, list[OpenUpdate]] = {}
        for row in rows:
            by_chat.setdefault(row.chat_id, []).append(row)
        for chat_id, of_chat in by_chat.items():
            if len(self._busy) >= AT_ONCE:
                break
            again = of_chat[0].next_try_at
            if chat_id not in self._busy and (again is None or again <= now):
                self._busy.add(chat_id)
                self._in_background(self._work_off(chat_id, of_chat))
        return wait_s

    async def _work_off(self, chat_id: int | None, rows: Sequence[OpenUpdate]) -> None:
        """Take a chat's updates one after another, until one must wait."""
        done: list[int] = []
        try:
            steps = await self._steps(rows)
            for step in steps:
                if step is steps[-1] and self._may_grow(step):
                    break
                if not await self._take(step):
                    break
                done += [row.id for row in step.rows if step.last]
        finally:
            if done:
                async with self._database.begin() as session:
                    await Telegram(session).handled(done, self._clock())
            self._busy.discard(chat_id)
            self._news.set()

    async def _steps(self, rows: Sequence[OpenUpdate]) -> list[Step]:
        """Read updates into steps. Pictures of one album become one, because they belong to one matter."""
        async with self._database.read() as session:
            bodies = await Telegram(session).bodies([row.id for row in rows])
        steps: list[Step] = []
        for row in rows:
            if row.id not in bodies:
                continue  # handled between our looking and now
            events: list[Event | Exception | None]
            try:
                events = [*read(bodies[row.id], self._bot)] or [None]
            except Exception as error:
                events = [error]
            last = steps[-1] if steps else None
            match events, last:
                case [Pictured() as more], Step(event=Pictured() as album) if more.album and more.album == album.album:
                    steps[-1] = Step(replace(album, files=album.files + more.files), (*steps[-1].rows, row))
                case _:
                    steps += [Step(event, (row,), last=False) for event in events[:-1]]
                    steps.append(Step(events[-1], (row,)))
        return steps

    def _may_grow(self, step: Step) -> bool:
        """Tell whether more pictures of an album may be about to come; then we look again when it is complete."""
        if not isinstance(step.event, Pictured) or step.event.album is None:
            return False
        rest_s = (step.rows[-1].received_at + ALBUM_COMPLETE_AFTER - self._clock()).total_seconds()
        if rest_s > 0:
            asyncio.get_running_loop().call_later(rest_s, self.wake)
        return rest_s > 0

    async def _take(self, step: Step) -> bool:
        """Do one step; tell whether the chat may go on with the next."""
        first = step.rows[0]
        try:
            if isinstance(step.event, Exception):
                raise step.event
            if step.event is not None:
                await self._handling.handle(step.event, first.update_id)
        except Exception as error:
            log.exception("update %s could not be handled", first.update_id)
            words, now = f"{type(error).__name__}: {error}", self._clock()
            if first.tries + 1 < TRIES:
                async with self._database.begin() as session:
                    await Telegram(session).try_again(first.id, now + timedelta(seconds=2**first.tries), words)
                return False
            # Nobody can make anything of it here; a person must look into it, and later messages must not wait.
            await self._handling.hand_over(first.chat_id, first.update_id)
            async with self._database.begin() as session:
                for row in step.rows:
                    await Telegram(session).given_up(row.id, now, words)
        return True

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a chat's updates could not be worked off; they are looked at again", exc_info=error)
